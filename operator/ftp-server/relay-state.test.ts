import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { ftpServer, liveService, now, observe, pod, report, secret } from '../../test/operator/samples.ts'
import { relayPort } from '../desired/relay.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { at } from '../kubernetes/read.ts'
import type { Observation, ObservedPod } from '../observation/observation.ts'
import { type Plan, plan } from './plan.ts'
import { newRelaySecrets, peerOf, relaySecretState } from './relay-state.ts'

const shared =
  'storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }, passive: { portsPerReplica: 4 }, listeners: [{ name: ftp, port: 21, tls: Disabled }]'
const day = 24 * 3600_000
const made = (time: number) => new Date(time).toISOString()
const secrets = (time = now) => secret('uploads-relay', { secrets: 'one\ntwo\n', made: made(time) })

function planned(spec: string, rest: Partial<Observation> = {}): Plan {
  return plan(observe(ftpServer(`{ ${shared}, ${spec} }`), { sources: [secrets()], ...rest }))
}

const find = ({ apply }: Plan, kind: string, name = 'uploads') =>
  apply.find(manifest => manifest.kind === kind && manifest.metadata.name === name)
const targetsOf = (each: Plan) =>
  (at(find(each, 'Service'), 'spec', 'ports') as readonly unknown[]).slice(1).map(port => at(port, 'targetPort'))
const isByNumber = (each: Plan) => targetsOf(each).every(target => typeof target === 'number')
const isByName = (each: Plan) => targetsOf(each).every(target => typeof target === 'string')
const relayOf = (each: Plan, key = 'server-0a.yaml') =>
  parse(String(at(find(each, 'ConfigMap', 'uploads-config'), 'data', key))).relay

test.each([
  ['one replica', 'replicas: 1'],
  ['several replicas behind Cluster', 'replicas: 2'],
  ['relaying disabled', 'replicas: 2, service: { externalTrafficPolicy: Local, relay: Disabled }'],
])('nothing of relaying is there with %s', (_, spec) => {
  const each = planned(spec)
  expect(isByName(each)).toBe(true)
  expect(relayOf(each)).toBeUndefined()
  expect(find(each, 'Secret', 'uploads-relay')).toBeUndefined()
  expect(JSON.stringify(each.apply)).not.toContain('relay')
  expect(each.relaySecretNeeded).toBeUndefined()
})

test.each([
  ['several replicas, Local', 'replicas: 2, service: { externalTrafficPolicy: Local }'],
  ['Enabled, with one replica', 'replicas: 1, service: { relay: Enabled }'],
  ['Enabled, with several', 'replicas: 2, service: { relay: Enabled }'],
])('any pod takes the connections for all ports with %s', (_, spec) => {
  const each = planned(spec)
  expect(isByNumber(each)).toBe(true)
  expect(at(find(each, 'Service'), 'spec', 'externalTrafficPolicy')).toBe('Local')
})

test('another replica restarts none: its pods could relay before', () => {
  const template = (replicas: number) =>
    at(
      find(planned(`replicas: ${replicas}, service: { externalTrafficPolicy: Local }`), 'Deployment', 'uploads-0'),
      'spec',
      'template',
    )
  expect(template(2)).toEqual(template(1))
  expect(isByName(planned('replicas: 1, service: { externalTrafficPolicy: Local }'))).toBe(true)
})

test('a pod knows the ports of all others, with the address of those that are there', () => {
  const pods = [
    pod({ address: '10.0.0.1' }),
    pod({ half: 'b', ready: false, address: '10.0.0.2' }),
    pod({ replica: 1, half: 'b', address: '10.0.0.3' }),
  ]
  const each = planned('replicas: 2, service: { relay: Enabled }', { pods })
  expect(relayOf(each)).toEqual({
    secretFile: 'relay/secrets',
    port: 2137,
    ports: [
      { first: 20_002, last: 20_003, peer: { address: '10.0.0.2', port: 2137 } },
      { first: 20_004, last: 20_005 },
      { first: 20_006, last: 20_007, peer: { address: '10.0.0.3', port: 2137 } },
    ],
  })
  expect(relayOf(each, 'server-1b.yaml').ports[0].peer.address).toBe('10.0.0.1')
})

test.each([
  ['where pods use all ports of a replica', 'storage: { claim: { size: 1Gi } }, passive: { portsPerReplica: 2 }', []],
  [
    'where a replica has one port',
    'storage: { claim: { size: 1Gi, accessModes: [ReadWriteMany] } }, replicas: 2, passive: { portsPerReplica: 1 }',
    [{ first: 20_001, last: 20_001 }],
  ],
])('the ranges of others are none of its own %s', (_, spec, ports) => {
  const server = ftpServer(
    `{ ${spec}, service: { relay: Enabled }, listeners: [{ name: ftp, port: 21, tls: Disabled }] }`,
  )
  expect(relayOf(plan(observe(server)))).toMatchObject({ ports })
})

test('of several pods with the same ports the one that serves is meant, and of those the one that stays', () => {
  const any = () => true
  const [starting, draining, serving, gone] = [
    pod({ ready: false, address: '10.0.0.1' }),
    pod({ terminating: true, address: '10.0.0.2' }),
    pod({ address: '10.0.0.3' }),
    { ...pod({ address: '10.0.0.4' }), ended: true },
  ]
  expect(peerOf([gone], any)).toBeUndefined()
  expect(peerOf([gone, starting], any)).toBe('10.0.0.1')
  expect(peerOf([gone, starting, draining], any)).toBe('10.0.0.2')
  expect(peerOf([gone, starting, draining, serving], any)).toBe('10.0.0.3')
})

test('the pods alone reach each other at the port for it', () => {
  const policy = find(
    planned('replicas: 2, service: { relay: Enabled }, networkPolicy: { from: [{ ipBlock: { cidr: 10.0.0.0/8 } }] }'),
    'NetworkPolicy',
  )
  expect(at(policy, 'spec', 'ingress', '1')).toEqual({
    from: [
      {
        podSelector: {
          matchLabels: { 'app.kubernetes.io/name': 'ftp-server', 'app.kubernetes.io/instance': 'uploads' },
        },
      },
    ],
    ports: [{ protocol: 'TCP', port: 2137 }],
  })
})

test('the port for it is no passive one', () => {
  const portOf = (firstPort: number) =>
    relayPort(ftpServer(`{ storage: { emptyDir: {} }, passive: { firstPort: ${firstPort} } }`).spec)
  expect([portOf(20_000), portOf(2137), portOf(2138)]).toEqual([2137, 2120, 2137])
})

const names = Array.from({ length: 8 }, (_, index) => ({
  name: `pasv-${20_000 + index}`,
  port: 20_000 + index,
  targetPort: `pasv-${20_000 + index}`,
}))
const numbers = names.map(port => ({ ...port, targetPort: port.port }))

function withService(ports: readonly object[], policy: string, pods: readonly ObservedPod[]): Plan {
  const live: KubernetesObject[] = [liveService({ ports, externalTrafficPolicy: policy })]
  return planned('replicas: 2, service: { relay: Enabled }', { live, pods })
}

test('a Service goes by names, and hides addresses if it did, until all pods know whose ports are whose', () => {
  const pods = (hash: string) => [
    pod({ report: report(hash) }),
    pod({ replica: 1, report: report('old', {}), ready: false }),
  ]
  const before = withService(names, 'Cluster', pods('old'))
  expect(isByName(before)).toBe(true)
  expect(at(find(before, 'Service'), 'spec', 'externalTrafficPolicy')).toBe('Cluster')
  const after = withService(names, 'Cluster', pods(before.decisions.hashOf(0, 'a')))
  expect(isByNumber(after)).toBe(true)
  expect(at(find(after, 'Service'), 'spec', 'externalTrafficPolicy')).toBe('Local')
  expect(isByName(withService(names, 'Cluster', [pod()]))).toBe(true)
  expect(isByName(withService(names, 'Cluster', [pod({ terminating: true, report: report('old') })]))).toBe(true)
})

test('what goes by numbers is not taken back for a pod that is behind', () => {
  expect(isByNumber(withService(numbers, 'Local', [pod({ report: report('old') })]))).toBe(true)
})

test('secrets are needed where there are none, or none that are whole', () => {
  const server = ftpServer(`{ ${shared}, service: { relay: Enabled } }`)
  const needed = (...sources: Observation['sources']) => relaySecretState(observe(server, { sources })).needed
  expect(needed()).toEqual({ secretName: 'uploads-relay', before: [] })
  expect(needed(secret('uploads-relay', { secrets: 'one\n', made: made(now) }))?.before).toEqual([])
  expect(needed(secret('uploads-relay', { secrets: 'one\ntwo\n' }))?.before).toEqual([])
  expect(needed(secrets())).toBeUndefined()
})

test('secrets are changed after thirty days so that pods with the old and with the new ones believe each other', () => {
  const server = ftpServer(`{ ${shared}, service: { relay: Enabled } }`)
  const state = (data: ReadonlyMap<string, Uint8Array>, time: number) =>
    relaySecretState({
      ...observe(server),
      now: time,
      sources: [{ kind: 'Secret', name: 'uploads-relay', labels: {}, data }],
    })
  const lines = (data: ReadonlyMap<string, Uint8Array>) =>
    Buffer.from(data.get('secrets') ?? [])
      .toString()
      .trim()
      .split('\n')
  const first = newRelaySecrets({ secretName: '', before: [] }, ['a', 'b'], now)
  expect(lines(first)).toEqual(['a', 'b'])
  expect(state(first, now + 30 * day - 1).needed).toBeUndefined()
  let before = first
  for (const [round, fresh] of ['c', 'd', 'e'].entries()) {
    const { needed } = state(before, now + (round + 1) * 30 * day)
    if (needed === undefined) throw new Error('not due')
    const after = newRelaySecrets(needed, [fresh, 'unused'], now + (round + 1) * 30 * day)
    expect(lines(before)).toContain(lines(after)[0])
    expect(lines(after)).toContain(lines(before)[0])
    before = after
  }
  expect(lines(before)).toEqual(['d', 'e', 'c'])
})
