/** The whole operator against a real API server, with exactly the rights that its chart gives it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resourceKind } from '../../operator/api/ftp-server.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, ResourceKind } from '../../operator/kubernetes/object.ts'
import { helmTest } from '../chart/helm.ts'
import { ftpServer } from '../support/cluster/cluster.ts'
import type { Proxied } from '../support/control-plane/api-proxy.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { chartNamespace } from '../support/control-plane/chart-rights.ts'
import { type ControlPlane, optionalKinds, startControlPlane } from '../support/control-plane/control-plane.ts'
import { type HostedOperator, hostOperator } from '../support/control-plane/hosted-operator.ts'
import { eventually } from '../support/eventually.ts'

let hosted: HostedOperator
let plane: ControlPlane
const hasHelm = helmTest === test
const rightsTest = hasHelm ? clusterTest : helmTest
const passwordHash = '$2b$12$abcdefghijklmnopqrstuuJ6l9Vb3kUeFzQm4N9n0Zt1Yw2X3C4D6'
const mendedMilliseconds = 5000

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane(optionalKinds)
  for (const name of [chartNamespace, 'media', 'one', 'other']) await plane.createNamespace(name)
  hosted = await hostOperator(plane, hasHelm ? 'rights of the chart' : 'all rights')
}, 90_000)

afterAll(async () => {
  await hosted?.stop()
  await plane?.stop()
}, 30_000)

/** A server that makes an object of every kind. */
const everything = {
  storage: { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] } },
  replicas: 2,
  users: [{ name: 'alice', passwordHash }],
  usersFrom: [{ configMapRef: { name: 'team' } }],
  networkPolicy: { enabled: true },
  monitoring: { podMonitor: 'Enabled', prometheusRule: 'Enabled' },
  tls: { issuerRef: { name: 'authority', kind: 'ClusterIssuer' } },
}

const ofEverything = [
  'Certificate all-tls',
  'ConfigMap all-config',
  'Deployment all-0',
  'Deployment all-1',
  'NetworkPolicy all',
  'PersistentVolumeClaim all-data',
  'PodDisruptionBudget all',
  'PodMonitor all',
  'PrometheusRule all',
  'Secret all-users-0',
  'Service all',
  'ServiceAccount all',
]

clusterTest(
  'a resource becomes all that belongs to it, with a status and events, under one field manager',
  async () => {
    await plane.apply(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'team', namespace: 'media' },
        data: { 'a.yaml': 'users: []' },
      },
      ftpServer('media', 'all', everything),
    )
    await hosted.until('media', ofEverything)
    for (const object of await plane.made('media')) {
      const managers = object.metadata.managedFields as readonly { manager: string; operation: string }[]
      expect(managers.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual(['ftp-operator Apply'])
      const owners = (object.metadata.ownerReferences ?? []).map(({ name, controller }) => ({ name, controller }))
      // What people have stored outlives the server.
      expect(owners).toEqual(object.kind === 'PersistentVolumeClaim' ? [] : [{ name: 'all', controller: true }])
    }
    const status = await eventually(() => hosted.statusOf('media', 'all'), 'there is a status')
    expect(status.observedGeneration).toBe(1)
    expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }))
  },
)

clusterTest('what a server does not want any more is removed, and comes back with the wish', async () => {
  const { networkPolicy: _, ...rest } = everything
  const plain = {
    ...rest,
    replicas: 1,
    monitoring: { podMonitor: 'Disabled', prometheusRule: 'Disabled' },
    users: [],
    usersFrom: [],
    tls: {},
  }
  await plane.apply(ftpServer('media', 'all', { ...plain, networkPolicy: { enabled: false } }))
  await hosted.until('media', [
    'ConfigMap all-config',
    'Deployment all-0',
    'PersistentVolumeClaim all-data',
    'Secret all-tls',
    'Service all',
    'ServiceAccount all',
  ])
  await plane.apply(ftpServer('media', 'all', everything))
  await hosted.until('media', ofEverything)
})

const watched: readonly (readonly [ResourceKind, string, Readonly<Record<string, unknown>>])[] = [
  [kinds.configMap, 'all-config', { data: { 'server-0a.yaml': 'altered' } }],
  [kinds.deployment, 'all-0', { spec: { replicas: 5 } }],
  [kinds.networkPolicy, 'all', { spec: { ingress: [] } }],
  [kinds.podDisruptionBudget, 'all', { spec: { maxUnavailable: 2 } }],
  [kinds.secret, 'all-users-0', { data: { '00-inline.yaml': 'YWx0ZXJlZA==' } }],
  [kinds.service, 'all', { spec: { ports: [{ name: 'ftp', port: 2121, targetPort: 'other' }] } }],
  [kinds.serviceAccount, 'all', { automountServiceAccountToken: true }],
]

clusterTest(
  'what others alter or delete is mended, and what they add stays',
  async () => {
    for (const [kind, name, patch] of watched) {
      const id = { namespace: 'media', name }
      const before = await plane.cluster.get(kind, id)
      const theirs = { metadata: { annotations: { 'example.com/note': 'theirs' } } }
      await plane.cluster.patchMerge(kind, id, { ...patch, ...theirs })
      const mended = await eventually(
        async () => {
          const now = await plane.cluster.get(kind, id)
          // What it borrowed for that, it gives back.
          const isBorrowed = JSON.stringify(now?.metadata.managedFields).includes('ftp-operator-mend')
          return withoutVersions(now) === withoutVersions(before) && !isBorrowed && now
        },
        `${kind.kind} is mended`,
        mendedMilliseconds,
      )
      expect(mended.metadata.annotations).toMatchObject({ 'example.com/note': 'theirs' })
      await plane.cluster.patchMerge(kind, id, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'nobody' } } })
      const isOurs = (object?: KubernetesObject) =>
        object?.metadata.labels?.['app.kubernetes.io/managed-by'] === 'ftp-operator'
      await eventually(
        async () => isOurs(await plane.cluster.get(kind, id)),
        `${kind.kind} has its label again`,
        mendedMilliseconds,
      )
      await plane.cluster.delete(kind, id)
      await eventually(() => plane.cluster.get(kind, id), `${kind.kind} is there again`, mendedMilliseconds)
    }
  },
  90_000,
)

/** What was asked for, without what the API server and others add. */
function withoutVersions(object: KubernetesObject | undefined): string {
  if (object === undefined) return ''
  const { kind, metadata, status: _, ...fields } = object
  // Node ports that somebody took away are gone.
  return JSON.stringify([kind, metadata.labels, fields], (key, value: unknown) => (key === 'nodePort' ? 0 : value))
}

clusterTest('a changed list of users is in the Secret of the server at once, and pods are told of it', async () => {
  const labels = {
    'app.kubernetes.io/name': 'ftp-server',
    'app.kubernetes.io/instance': 'all',
    'ftp-operator.io/replica': '0',
    'ftp-operator.io/ports-half': 'a',
  }
  const id = { name: 'all-0-pod', namespace: 'media' }
  await plane.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...id, labels },
    spec: { containers: [{ name: 'server', image: 'server' }] },
  })
  // Long enough ago for the nodes to have learned of it.
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T12:00:00Z' }]
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: id, status: { phase: 'Running', conditions } }
  await plane.cluster.applyStatus(pod, { fieldManager: 'tests', force: true })
  const stamp = async () =>
    (await plane.cluster.get(kinds.pod, id))?.metadata.annotations?.['ftp-operator.io/files-hash']?.split(' ')[0]
  const before = await eventually(stamp, 'the pod is told', mendedMilliseconds)
  const team = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'team', namespace: 'media' } }
  await plane.apply({ ...team, data: { 'a.yaml': 'users: [] # changed' } })
  await eventually(
    async () => {
      const secret = await plane.cluster.get(kinds.secret, { namespace: 'media', name: 'all-users-0' })
      return JSON.stringify(secret?.['data']).includes(Buffer.from('users: [] # changed').toString('base64'))
    },
    'the Secret has the list',
    mendedMilliseconds,
  )
  await eventually(async () => (await stamp()) !== before, 'the pod is told again', mendedMilliseconds)
})

clusterTest('a new operator that finds all as it should be writes nothing', async () => {
  // A pod that never answers is told again and again.
  await plane.cluster.delete(kinds.pod, { namespace: 'media', name: 'all-0-pod' })
  await eventually(async () => (await hosted.statusOf('media', 'all'))?.replicas === 0, 'the server has no pod')
  await hosted.restart(undefined)
  await eventually(async () => (await hosted.reconciled()) >= 1, 'it has looked at the server')
  // An annotation of somebody else's makes it look again.
  const id = { namespace: 'media', name: 'all' }
  const before = await hosted.reconciled()
  await plane.cluster.patchMerge(resourceKind, id, { metadata: { annotations: { 'example.com/note': 'again' } } })
  await eventually(async () => (await hosted.reconciled()) > before, 'it has looked again')
  expect(plane.proxy.writes().map(({ method, path }) => `${method} ${path}`)).toEqual([])
})

clusterTest('objects of others that have the name are left as they are, and the server says so', async () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'taken', namespace: 'media' },
    spec: { ports: [{ port: 80 }] },
  }
  await plane.apply(service)
  const before = await plane.cluster.get(kinds.service, service.metadata)
  await plane.apply(ftpServer('media', 'taken', {}))
  const stalled = await eventually(async () => {
    const conditions = (await hosted.statusOf('media', 'taken'))?.conditions
    return conditions?.find(({ type, status }) => type === 'Stalled' && status === 'True')
  }, 'the server is stalled')
  expect(stalled).toMatchObject({ reason: 'NameTaken', message: expect.stringContaining('Service taken') })
  const events = await eventually(async () => {
    const { items } = await plane.cluster.list(kinds.event, { namespace: 'media' })
    const found = items.filter(({ reason }) => reason === 'NameTaken')
    return found.length > 0 && found
  }, 'there is an event')
  expect(events).toEqual([
    expect.objectContaining({ type: 'Warning', regarding: expect.objectContaining({ name: 'taken' }) }),
  ])
  expect(await plane.cluster.get(kinds.service, service.metadata)).toEqual(before)
  // The rest is there all the same.
  expect(await plane.cluster.get(kinds.deployment, { namespace: 'media', name: 'taken-0' })).toBeDefined()
})

clusterTest('what the API server refuses is tried again and again, and told once', async () => {
  const wrong = { podTemplate: { spec: { containers: [{ name: 'ftp-server', imagePullPolicy: 'Sometimes' }] } } }
  await plane.apply(ftpServer('media', 'refused', wrong))
  const told = async () => {
    const { items } = await plane.cluster.list(kinds.event, { namespace: 'media' })
    return items.filter(({ reason }) => reason === 'ApplyFailed')
  }
  await eventually(async () => (await told()).length > 0, 'there is an event')
  const before = await hosted.reconciled()
  await eventually(async () => (await hosted.reconciled()) > before + 3, 'it has tried again')
  const [event, ...more] = await told()
  expect(event?.['note']).toMatch(/^Deployment refused-0 .*imagePullPolicy/)
  expect(event?.['series']).toBeUndefined()
  expect(more).toEqual([])
  await plane.cluster.delete(resourceKind, { namespace: 'media', name: 'refused' })
})

clusterTest(
  'a Secret that the operator makes up and can’t store is told of once, however often it is tried',
  async () => {
    const isOfSecret = ({ method, path }: Proxied) => method === 'PATCH' && path.endsWith('/secrets/unstored-tls')
    plane.proxy.forget()
    plane.proxy.setFault(request => (isOfSecret(request) ? { fault: 'status', code: 422 } : undefined))
    const id = { namespace: 'media', name: 'unstored' }
    await plane.apply(ftpServer(id.namespace, id.name, {}))
    const tries = () => plane.proxy.requests().filter(isOfSecret).length
    await eventually(() => tries() > 8, 'it has tried again and again')
    const told = plane.proxy.requests().filter(({ path }) => path.endsWith('/ftpservers/unstored/status'))
    expect(told.length).toBeLessThan(5)
    const { conditions = [] } = (await hosted.statusOf(id.namespace, id.name)) ?? {}
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Stalled', reason: 'ApplyFailed', message: expect.stringMatching(/^Secret /) }),
    )
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'CertificateReady', status: 'False' }))
    plane.proxy.setFault(undefined)
    await plane.apply(ftpServer(id.namespace, id.name, { banner: 'again' }))
    await eventually(
      async () =>
        (await hosted.statusOf(id.namespace, id.name))?.conditions.some(({ reason }) => reason === 'SelfSigned'),
      'there is a certificate',
    )
    await plane.cluster.delete(resourceKind, id)
  },
)

clusterTest(
  'where a webhook for one kind is broken, the others are made, and the server says so',
  async () => {
    // As the API server answers where it can't call a webhook.
    plane.proxy.setFault(({ method, path }) =>
      method === 'PATCH' && path.endsWith('/services/hooked') ? { fault: 'status', code: 500 } : undefined,
    )
    const id = { namespace: 'media', name: 'hooked' }
    await plane.apply(ftpServer(id.namespace, id.name, {}))
    const stalled = await eventually(
      async () => (await hosted.statusOf(id.namespace, id.name))?.conditions.find(({ type }) => type === 'Stalled'),
      'it is told',
      30_000,
    )
    expect(stalled).toMatchObject({
      status: 'True',
      reason: 'ApplyFailed',
      message: expect.stringMatching(/^Service /),
    })
    expect(await plane.cluster.get(kinds.deployment, { ...id, name: 'hooked-0' })).toBeDefined()
    plane.proxy.setFault(undefined)
    await plane.apply(ftpServer(id.namespace, id.name, { banner: 'again' }))
    await eventually(() => plane.cluster.get(kinds.service, id), 'there is a Service', 30_000)
    await plane.cluster.delete(resourceKind, id)
  },
  90_000,
)

clusterTest('a server that is deleted is let go: nothing is made for it any more', async () => {
  const taken = { namespace: 'media', name: 'taken' }
  const earlier = plane.proxy.writes().length
  await plane.cluster.delete(resourceKind, taken)
  await plane.cluster.delete(kinds.deployment, { namespace: 'media', name: 'taken-0' })
  const id = { namespace: 'media', name: 'all' }
  await plane.cluster.delete(kinds.deployment, { ...id, name: 'all-0' })
  await eventually(() => plane.cluster.get(kinds.deployment, { ...id, name: 'all-0' }), 'the other one is mended')
  const made = plane.proxy
    .writes()
    .slice(earlier)
    .filter(({ path, status = 0 }) => path.includes('taken') && status < 300)
  expect(made).toEqual([])
  expect(await plane.cluster.get(kinds.deployment, { namespace: 'media', name: 'taken-0' })).toBeUndefined()
})

clusterTest('told of some namespaces, with rights in these alone, it serves them and no other', async () => {
  await hosted.restart(['one'])
  await plane.apply(ftpServer('other', 'ignored', {}), ftpServer('one', 'served', { service: { type: 'NodePort' } }))
  await eventually(
    async () => (await hosted.names('one')).includes('Deployment served-0'),
    'the server is made',
    10_000,
  )
  await eventually(() => hosted.statusOf('one', 'served'), 'it has a status')
  expect(await hosted.names('other')).toEqual([])
  expect(await hosted.statusOf('other', 'ignored')).toBeUndefined()
  const elsewhere = plane.proxy.requests().filter(({ path }) => path.includes('/namespaces/other/'))
  expect(elsewhere).toEqual([])
})

rightsTest('the rights that the chart gives were enough for all of this', async () => {
  await hosted.stop()
  expect([...hosted.forbidden]).toEqual([])
  expect(hosted.log.filter(line => line.includes('"level":"error"'))).toEqual([])
})
