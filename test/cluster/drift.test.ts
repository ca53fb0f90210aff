/** What others delete or alter is mended in under 5 seconds, what is theirs stays, and else nobody writes. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, ResourceKind } from '../../operator/kubernetes/object.ts'
import { listAt, recordAt, textAt } from '../../operator/kubernetes/read.ts'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
  waitForCondition,
} from '../support/cluster/cluster.ts'
import { untilCondition } from '../support/cluster/conditions.ts'
import { fingerprintAt, getsIn, listedUser } from '../support/cluster/login.ts'
import { changesWithin, contentOf, objectsOf, writesOf } from '../support/cluster/objects.ts'
import { reachable } from '../support/cluster/sessions.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser } from '../support/server.ts'

const limitMilliseconds = 5000
const name = 'drift'
const place = { host: process.env['CLUSTER_ADDRESS'] ?? '198.18.0.1', port: 3110 }

let namespace: Awaited<ReturnType<typeof createNamespace>>
let access: ClusterAccess
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace(name)
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  const users = stringify({ users: [listedUser('listed', 'a password')] })
  await applyYaml(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'list', namespace: namespace.name },
      data: { 'a.yaml': users },
    },
    ftpServer(namespace.name, name, {
      listeners: [{ name: 'ftp', port: place.port }],
      passive: { firstPort: 21_060, portsPerReplica: 10 },
      storage: { claim: { size: '1Gi', accessModes: ['ReadWriteMany'] }, retentionPolicy: 'Delete' },
      replicas: 2,
      drainSeconds: 1,
      users: [simpleUser('alice')],
      usersFrom: [{ configMapRef: { name: 'list' } }],
    }),
  )
  await waitForCondition(namespace.name, name)
  await reachable(place)
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
  await access?.close()
})

const get = async (kind: ResourceKind, object: string): Promise<KubernetesObject | undefined> =>
  access.cluster.get(kind, { name: object, namespace: namespace.name })

async function demand(kind: ResourceKind, object: string): Promise<KubernetesObject> {
  const found = await get(kind, object)
  if (found === undefined) throw new Error(`There is no ${kind.kind} ${object}.`)
  return found
}

const where = () => ({ cluster: access.cluster, namespace: namespace.name, name })
const settled = () => untilCondition(where(), { type: 'Ready', status: 'True' })

const key = 'example.com/somebody'
type Patch = Record<string, unknown>
type Alteration = readonly [
  what: string,
  kind: ResourceKind,
  object: string,
  patch: Patch | ((before: KubernetesObject) => Patch),
]
const labels = (changed: Record<string, unknown>) => ({ metadata: { labels: changed } })
const portsWith = (changed: Patch) => (before: KubernetesObject) => ({
  spec: {
    ports: listAt(before, 'spec', 'ports').map((port, index) =>
      index === 3 ? { ...(port as Patch), ...changed } : port,
    ),
  },
})
const alterations: readonly Alteration[] = [
  ['the selector of the Service', kinds.service, name, { spec: { selector: { 'example.com/more': 'yes' } } }],
  ['where a port of the Service leads', kinds.service, name, portsWith({ targetPort: 9 })],
  ['the type of the Service', kinds.service, name, { spec: { type: 'NodePort' } }],
  ['the traffic policy of the Service', kinds.service, name, { spec: { externalTrafficPolicy: 'Local' } }],
  ['the label that says who manages it', kinds.service, name, labels({ 'app.kubernetes.io/managed-by': null })],
  ['the label that says whose it is', kinds.configMap, `${name}-config`, labels({ 'app.kubernetes.io/instance': 'x' })],
  ['its owner', kinds.networkPolicy, name, { metadata: { ownerReferences: [] } }],
  ['the replicas of a Deployment', kinds.deployment, `${name}-0`, { spec: { replicas: 3 } }],
  [
    'the strategy of a Deployment',
    kinds.deployment,
    `${name}-1`,
    { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
  ],
  [
    'the grace of the pods',
    kinds.deployment,
    `${name}-1`,
    { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } },
  ],
  ['a value of the ConfigMap', kinds.configMap, `${name}-config`, { data: { 'server-0a.yaml': 'listeners: []' } }],
  ['a key of the ConfigMap', kinds.configMap, `${name}-config`, { data: { 'server-1b.yaml': null } }],
  ['the rules of the NetworkPolicy', kinds.networkPolicy, name, { spec: { ingress: [] } }],
  ['the pods of the NetworkPolicy', kinds.networkPolicy, name, { spec: { podSelector: { matchLabels: { a: 'b' } } } }],
  ['the amount of the PodDisruptionBudget', kinds.podDisruptionBudget, name, { spec: { maxUnavailable: 2 } }],
  ['the list in the users’ Secret', kinds.secret, `${name}-users-0`, { data: { '00-inline.yaml': 'Z2FyYmFnZQ==' } }],
  [
    'a list more in the users’ Secret',
    kinds.secret,
    `${name}-users-0`,
    { stringData: { '99-more.yaml': 'users: []' } },
  ],
  ['the token of the ServiceAccount', kinds.serviceAccount, name, { automountServiceAccountToken: true }],
]

test('others may annotate and label everything', async () => {
  await settled()
  for (const object of (await objectsOf(access.cluster, namespace.name, name)).values()) {
    for (const verb of ['annotate', 'label']) {
      await kubectl(['-n', namespace.name, verb, object.kind, object.metadata.name, `${key}=theirs`])
    }
  }
})

/** A Service that was of another type for a moment has no address until it is given one again, and that changes what others hold. */
async function untilAddressed(): Promise<void> {
  await eventually(async () => {
    const [service, configMap] = await Promise.all([
      demand(kinds.service, name),
      demand(kinds.configMap, `${name}-config`),
    ])
    const [ingress] = listAt(service, 'status', 'loadBalancer', 'ingress')
    const files = Object.values(recordAt(configMap, 'data'))
    return files.every(file => file.includes(`advertisedAddress: ${textAt(ingress, 'ip')}`))
  }, 'the server has its address')
}

test.for(alterations)('%s: mended, and all else stays as it was', async ([, kind, object, patch], { annotate }) => {
  await untilAddressed()
  const before = await demand(kind, object)
  const started = performance.now()
  const change = typeof patch === 'function' ? patch(before) : patch
  const altered = await access.cluster.patchMerge(kind, { name: object, namespace: namespace.name }, change)
  expect(contentOf(altered ?? before)).not.toEqual(contentOf(before))
  // Node ports, addresses, annotations and labels of others are among it.
  await expect
    .poll(async () => contentOf(await demand(kind, object)), { timeout: limitMilliseconds, interval: 20 })
    .toEqual(contentOf(before))
  await annotate(`mended after ${Math.round(performance.now() - started)} ms`)
  expect(before.metadata).toMatchObject({ annotations: { [key]: 'theirs' }, labels: { [key]: 'theirs' } })
  expect((await demand(kind, object)).metadata.uid).toBe(before.metadata.uid)
})

test('a certificate that nobody can use is made anew', async () => {
  const secret = { name: `${name}-tls`, namespace: namespace.name }
  await access.cluster.patchMerge(kinds.secret, secret, { stringData: { 'tls.crt': 'garbage' } })
  await eventually(
    async () => textAt(await get(kinds.secret, secret.name), 'data', 'tls.crt')?.startsWith('LS0tLS1CRUdJTi'),
    'there is a certificate',
    limitMilliseconds,
  )
})

const deletions = [
  { kind: kinds.service, object: name },
  { kind: kinds.configMap, object: `${name}-config` },
  { kind: kinds.networkPolicy, object: name },
  { kind: kinds.podDisruptionBudget, object: name },
  { kind: kinds.serviceAccount, object: name },
  { kind: kinds.secret, object: `${name}-users-0` },
  { kind: kinds.secret, object: `${name}-tls` },
  { kind: kinds.deployment, object: `${name}-0` },
]

test.for(deletions)('a deleted $kind.kind $object is made again', async ({ kind, object }, { annotate }) => {
  const before = await demand(kind, object)
  const started = performance.now()
  await access.cluster.delete(kind, { name: object, namespace: namespace.name }, { propagation: 'Background' })
  const after = await eventually(
    async () => {
      const found = await get(kind, object)
      return found?.metadata.uid === before.metadata.uid ? undefined : found
    },
    `there is another ${kind.kind} ${object}`,
    limitMilliseconds,
  )
  await annotate(`made again after ${Math.round(performance.now() - started)} ms`)
  const { [key]: _, ...others } = before.metadata.labels ?? {}
  expect(after.metadata.labels).toEqual(others)
})

test('after all that, users get in, and the certificate is the one that status tells', async () => {
  await settled()
  await reachable(place)
  await eventually(() => getsIn(place, 'listed', 'a password'), 'the listed user gets in')
  const shown = await fingerprintAt(place)
  await untilCondition(where(), { type: 'CertificateReady', status: 'True' })
  expect(await kubectl(['-n', namespace.name, 'get', 'ftp', name, '-o', 'jsonpath={.status.tls.fingerprint}'])).toBe(
    shown,
  )
})

test('another field manager keeps its fields, and nobody writes for a minute', async () => {
  const service = await demand(kinds.service, name)
  const manifest = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: namespace.name, annotations: { 'example.com/address': 'pool-1' } },
    // The same as the operator wants: both own it.
    spec: { externalTrafficPolicy: textAt(service, 'spec', 'externalTrafficPolicy') },
  }
  await kubectl(['apply', '--server-side', '--field-manager=somebody', '-f', '-'], JSON.stringify(manifest))
  await settled()
  // The pods of a Deployment that was deleted end their sessions first.
  await eventually(
    async () => (await access.cluster.list(kinds.pod, { namespace: namespace.name })).items.length === 2,
    'there are two pods',
    60_000,
  )
  const writes = await writesOf(operator)
  expect(await changesWithin(access.cluster, namespace.name, 60)).toEqual([])
  expect(await writesOf(operator)).toBe(writes)
  const owned = await demand(kinds.service, name)
  expect(owned.metadata.annotations).toMatchObject({ 'example.com/address': 'pool-1' })
  expect(listAt(owned, 'metadata', 'managedFields').map(entry => textAt(entry, 'manager'))).toContain('somebody')
})
