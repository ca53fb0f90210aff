/** Whom a server's pods, Secrets and ports are for, whatever the resource says: for each sample, by the manifests alone. */
import { describe, expect, test } from 'vitest'
import { plan } from '../../operator/ftp-server/plan.ts'
import type { Manifest } from '../../operator/kubernetes/object.ts'
import { at, listAt, numberAt, textAt } from '../../operator/kubernetes/read.ts'
import { mayReach, type NetworkPeer } from './network-policy.ts'
import { ftpServer, observe, samples } from './samples.ts'

const every = Object.entries(samples).map(([name, sample]): [string, readonly Manifest[]] => [
  name,
  plan(sample()).apply,
])
const deploymentsOf = (manifests: readonly Manifest[]) => manifests.filter(({ kind }) => kind === 'Deployment')
const podOf = (deployment: Manifest | undefined) => at(deployment, 'spec', 'template', 'spec')
const secretVolumes: readonly string[] = ['users', 'tls', 'events', 'relay']

describe.each(every)('%s', (_, manifests) => {
  test('no pod has a token of Kubernetes, and the account has none to give', () => {
    for (const deployment of deploymentsOf(manifests))
      expect(at(podOf(deployment), 'automountServiceAccountToken')).toBe(false)
    const account = manifests.find(({ kind }) => kind === 'ServiceAccount')
    expect(at(account, 'automountServiceAccountToken')).toBe(false)
    expect(manifests.filter(({ kind }) => /Role/.test(kind))).toEqual([])
  })

  test('Secrets are mounted for the server’s container alone, readable for nobody but its group', () => {
    for (const deployment of deploymentsOf(manifests)) {
      const pod = podOf(deployment)
      const volumes = listAt(pod, 'volumes').filter(volume => JSON.stringify(volume).includes('"secret"'))
      expect(volumes.map(volume => textAt(volume, 'name')).every(name => secretVolumes.includes(name ?? ''))).toBe(true)
      for (const volume of volumes) expect(numberAt(volume, 'projected', 'defaultMode')).toBe(0o440)
      expect(numberAt(pod, 'securityContext', 'fsGroup')).toBeTypeOf('number')
      const mounting = [...listAt(pod, 'initContainers'), ...listAt(pod, 'containers')].filter(container =>
        listAt(container, 'volumeMounts').some(mount => secretVolumes.includes(textAt(mount, 'name') ?? '')),
      )
      expect(mounting.map(container => textAt(container, 'name'))).toEqual(['ftp-server'])
      const mounts = listAt(mounting[0], 'volumeMounts')
      for (const volume of volumes) {
        const found = mounts.filter(mount => textAt(mount, 'name') === textAt(volume, 'name'))
        expect(found).toMatchObject([{ readOnly: true }])
      }
      expect(JSON.stringify(listAt(pod, 'containers'))).not.toMatch(/secretKeyRef|envFrom/)
    }
  })

  test('the server’s container has no right of root, no writable root, and no way to get either', () => {
    for (const deployment of deploymentsOf(manifests)) {
      const pod = podOf(deployment)
      expect(at(pod, 'securityContext')).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      const container = listAt(pod, 'containers').find(each => textAt(each, 'name') === 'ftp-server')
      expect(at(container, 'securityContext')).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  })
})

test('a container that somebody adds gets neither users nor keys', () => {
  const { apply } = plan(
    observe(
      ftpServer('storage: { emptyDir: {} }\npodTemplate: { spec: { containers: [{ name: sidecar, image: x }] } }'),
    ),
  )
  const containers = listAt(podOf(deploymentsOf(apply)[0]), 'containers')
  expect(containers.map(each => [textAt(each, 'name'), listAt(each, 'volumeMounts').length])).toEqual([
    ['ftp-server', 4],
    ['sidecar', 0],
  ])
})

describe('A NetworkPolicy', () => {
  const office: NetworkPeer = { address: '192.0.2.7' }
  const stranger: NetworkPeer = { address: '198.51.100.7' }
  const excepted: NetworkPeer = { address: '192.0.2.200' }
  const neighbour: NetworkPeer = { namespace: { 'kubernetes.io/metadata.name': 'other' }, labels: { app: 'client' } }
  const friend: NetworkPeer = { namespace: { team: 'media' }, labels: { app: 'client' } }
  const operator: NetworkPeer = {
    namespace: { 'kubernetes.io/metadata.name': 'ftp-operator' },
    labels: { 'app.kubernetes.io/name': 'ftp-operator' },
  }
  const impostor: NetworkPeer = { ...operator, namespace: { 'kubernetes.io/metadata.name': 'other' } }
  const prometheus: NetworkPeer = { namespace: {}, labels: { 'app.kubernetes.io/name': 'prometheus' } }

  function policyFor(networkPolicy: string) {
    const { apply } = plan(
      observe(
        ftpServer(`
storage: { claim: { size: 1Gi, accessModes: [ReadWriteMany] } }
replicas: 2
listeners: [{ name: ftp, port: 21 }, { name: ftps, port: 990, tls: Implicit }]
networkPolicy: ${networkPolicy}
`),
      ),
    )
    const policy = apply.find(({ kind }) => kind === 'NetworkPolicy')
    const ports = deploymentsOf(apply).flatMap(deployment =>
      listAt(podOf(deployment), 'containers').flatMap(container => listAt(container, 'ports')),
    )
    const numbers = (isProbes: boolean) =>
      ports
        .filter(port => (textAt(port, 'name') === 'probes') === isProbes)
        .map(port => numberAt(port, 'containerPort') ?? 0)
    // The Service has both halves of the ports of a replica, of which its pod has one at a time.
    const service = apply.find(({ kind }) => kind === 'Service')
    const lastPassive = Math.max(...listAt(service, 'spec', 'ports').map(port => numberAt(port, 'port') ?? 0))
    return { policy, forClients: [...numbers(false), lastPassive], lastPassive, probes: numbers(true)[0] ?? 0 }
  }

  test('lets only those it names in, to every port of every replica', () => {
    const { policy, forClients } = policyFor(
      '{ enabled: true, from: [{ ipBlock: { cidr: 192.0.2.0/24, except: [192.0.2.128/25] } }, { namespaceSelector: { matchLabels: { team: media } } }] }',
    )
    expect(forClients.length).toBeGreaterThan(10)
    for (const port of forClients) {
      for (const peer of [office, friend]) expect(mayReach(policy, peer, port), `${port}`).toBe(true)
      for (const peer of [stranger, excepted, neighbour, prometheus])
        expect(mayReach(policy, peer, port), `${port}`).toBe(false)
    }
  })

  test('without names lets all clients in, and to no other port', () => {
    const { policy, forClients, lastPassive, probes } = policyFor('{ enabled: true }')
    for (const port of forClients) expect(mayReach(policy, stranger, port)).toBe(true)
    const others = [
      1,
      22,
      80,
      2020,
      probes + 1,
      Math.min(...forClients.filter(port => port > 10_000)) - 1,
      lastPassive + 1,
      65_535,
    ]
    for (const port of others.filter(number => !forClients.includes(number))) {
      for (const peer of [office, neighbour, operator, prometheus])
        expect(mayReach(policy, peer, port), `${port}`).toBe(port === probes)
    }
  })

  test('lets the operator and Prometheus to the probes, and no client', () => {
    for (const given of ['{ enabled: true }', '{ enabled: true, from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }']) {
      const { policy, probes } = policyFor(given)
      for (const peer of [operator, prometheus]) expect(mayReach(policy, peer, probes)).toBe(true)
      for (const peer of [office, stranger, neighbour, friend, impostor])
        expect(mayReach(policy, peer, probes)).toBe(false)
    }
  })

  test('is not there where it could not hold, or is not wanted', () => {
    expect(policyFor('{ enabled: false }').policy).toBeUndefined()
  })
})

test('source ranges of the resource are those of the Service, as they are', () => {
  const ranges = ['192.0.2.0/24', '2001:db8::/32']
  const { apply } = plan(
    observe(
      ftpServer(
        `storage: { emptyDir: {} }\nservice: { type: LoadBalancer, loadBalancerSourceRanges: ${JSON.stringify(ranges)} }`,
      ),
    ),
  )
  expect(
    at(
      apply.find(({ kind }) => kind === 'Service'),
      'spec',
      'loadBalancerSourceRanges',
    ),
  ).toEqual(ranges)
})
