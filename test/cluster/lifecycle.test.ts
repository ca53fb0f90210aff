/** What becomes of the files when a server goes, comes back, grows, rests, or finds its names taken. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { resourceKind } from '../../operator/api/ftp-server.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, ResourceKind } from '../../operator/kubernetes/object.ts'
import { listAt, textAt } from '../../operator/kubernetes/read.ts'
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
import { untilCondition, untilEvent } from '../support/cluster/conditions.ts'
import { contentOf, leftOf, objectsOf } from '../support/cluster/objects.ts'
import { ClusterSession, type Place, reachable } from '../support/cluster/sessions.ts'
import { untouched } from '../support/cluster/undisturbed.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser } from '../support/server.ts'

const host = process.env['CLUSTER_ADDRESS'] ?? '198.18.0.1'
const content = randomBytes(100_000)

let namespace: Awaited<ReturnType<typeof createNamespace>>
let access: ClusterAccess
let operator: OperatorProcess

beforeAll(async () => {
  access = connectToCluster()
  namespace = await createNamespace('lifecycle')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
})
afterAll(async () => {
  await operator?.stop()
  await namespace?.dispose()
  await access?.close()
})

const get = async (kind: ResourceKind, name: string): Promise<KubernetesObject | undefined> =>
  access.cluster.get(kind, { name, namespace: namespace.name })
const claimOf = (name: string) => get(kinds.persistentVolumeClaim, `${name}-data`)
const where = (name: string) => ({ cluster: access.cluster, namespace: namespace.name, name })
const inNamespace = (...args: string[]) => kubectl(['-n', namespace.name, ...args])
const patch = (name: string, spec: Record<string, unknown>) =>
  inNamespace('patch', 'ftp', name, '--type=merge', '-p', JSON.stringify({ spec }))
const sizeOf = async (name: string) => textAt(await claimOf(name), 'status', 'capacity', 'storage')

const withClaim = (retentionPolicy: 'Retain' | 'Delete', size = '1Gi'): Record<string, unknown> => ({
  claim: { size },
  retentionPolicy,
})

async function create(name: string, port: number, storage: Record<string, unknown>): Promise<Place> {
  await applyYaml(
    ftpServer(namespace.name, name, {
      listeners: [{ name: 'ftp', port }],
      passive: { firstPort: 21_100 + (port - 3120) * 4, portsPerReplica: 4 },
      service: { allocateLoadBalancerNodePorts: false },
      storage,
      users: [simpleUser('alice')],
      drainSeconds: 1,
    }),
  )
  return { host, port }
}

async function start(name: string, port: number, storage: Record<string, unknown>): Promise<Place> {
  const place = await create(name, port, storage)
  await waitForCondition(namespace.name, name)
  await reachable(place)
  return place
}

async function putFile(place: Place): Promise<void> {
  const session = await ClusterSession.open(place)
  await session.upload('kept.bin', content)
  session.close()
}

async function hasFile(place: Place): Promise<boolean> {
  const session = await ClusterSession.open(place)
  const found = await session.download('kept.bin')
  session.close()
  return content.equals(found)
}

async function removeServer(name: string): Promise<readonly string[]> {
  await inNamespace('delete', 'ftp', name)
  return leftOf(access.cluster, namespace.name, name)
}

const isGone = (name: string) =>
  eventually(async () => (await claimOf(name)) === undefined, `the claim of ${name} is gone`, 30_000, 100)

describe.concurrent('Files', () => {
  test('stay when the server is deleted, and are there again when it is back', async ({ expect }) => {
    const place = await start('kept', 3120, withClaim('Retain'))
    await putFile(place)
    const before = await claimOf('kept')
    expect(await removeServer('kept')).toEqual(['PersistentVolumeClaim kept-data'])
    await start('kept', 3120, withClaim('Retain'))
    expect(await hasFile(place)).toBe(true)
    // Without a pause between: what the last one left is in the way for a moment.
    await inNamespace('delete', 'ftp', 'kept')
    await start('kept', 3120, withClaim('Retain'))
    expect(await hasFile(place)).toBe(true)
    expect((await claimOf('kept'))?.metadata.uid).toBe(before?.metadata.uid)
  })

  test('go with the server where that is wanted, also when the next one comes at once', async ({ expect }) => {
    const place = await start('gone', 3121, withClaim('Delete'))
    await putFile(place)
    await inNamespace('delete', 'ftp', 'gone')
    await start('gone', 3121, withClaim('Delete'))
    await expect(hasFile(place)).rejects.toThrow(/550/)
    await removeServer('gone')
    await isGone('gone')
  })

  test('stay or go as was wanted last', async ({ expect }) => {
    const place = await start('undecided', 3122, withClaim('Delete'))
    await putFile(place)
    const owners = async () => listAt(await claimOf('undecided'), 'metadata', 'ownerReferences').length
    await patch('undecided', { storage: { retentionPolicy: 'Retain' } })
    await eventually(async () => (await owners()) === 0, 'the claim belongs to nobody')
    expect(await removeServer('undecided')).toEqual(['PersistentVolumeClaim undecided-data'])
    await start('undecided', 3122, withClaim('Retain'))
    expect(await hasFile(place)).toBe(true)
    await patch('undecided', { storage: { retentionPolicy: 'Delete' } })
    await eventually(async () => (await owners()) === 1, 'the claim belongs to the server')
    await removeServer('undecided')
    await isGone('undecided')
  })

  test('get more room without a restart, and never less', async ({ expect }) => {
    const place = await start('growing', 3123, withClaim('Retain'))
    await putFile(place)
    const before = await untouched(access.cluster, namespace.name, 'growing')
    await patch('growing', { storage: { claim: { size: '3Gi' } } })
    await eventually(async () => (await sizeOf('growing')) === '3Gi', 'the volume has grown', 60_000, 100)
    await eventually(
      async () => textAt(await get(resourceKind, 'growing'), 'status', 'storage', 'capacity') === '3Gi',
      'status says so',
    )
    await expect(patch('growing', { storage: { claim: { size: '2Gi' } } })).rejects.toThrow(/spec\.storage.*shrink/s)
    expect(await hasFile(place)).toBe(true)
    expect(await untouched(access.cluster, namespace.name, 'growing')).toEqual(before)
    // A server that comes back with a smaller one takes the volume as it is.
    await removeServer('growing')
    await start('growing', 3123, withClaim('Retain'))
    expect(await hasFile(place)).toBe(true)
    expect(await sizeOf('growing')).toBe('3Gi')
  })

  test('on a claim of somebody else are used, and the claim is left as it is', async ({ expect }) => {
    const metadata = { name: 'theirs', namespace: namespace.name, labels: { 'example.com/owner': 'somebody' } }
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
    await applyYaml({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec })
    await inNamespace('wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/theirs', '--timeout=30s')
    const before = await get(kinds.persistentVolumeClaim, 'theirs')
    const storage = { existingClaimName: 'theirs', retentionPolicy: 'Delete' }
    const place = await start('guest', 3124, storage)
    await putFile(place)
    expect(await removeServer('guest')).toEqual([])
    const after = await get(kinds.persistentVolumeClaim, 'theirs')
    expect(after && contentOf(after)).toEqual(before && contentOf(before))
    expect(after?.metadata.deletionTimestamp).toBeUndefined()
    await start('guest', 3124, storage)
    expect(await hasFile(place)).toBe(true)
  })

  test('are there after a suspension, in which there are no pods', async ({ expect }) => {
    const place = await start('resting', 3125, withClaim('Delete'))
    await putFile(place)
    const service = await get(kinds.service, 'resting')
    await patch('resting', { suspend: true })
    await untilCondition(where('resting'), { type: 'Available', status: 'False', reason: /^Suspended$/ })
    const podsLeft = async () =>
      [...(await objectsOf(access.cluster, namespace.name, 'resting')).keys()].filter(each => each.startsWith('Pod '))
    await eventually(async () => (await podsLeft()).length === 0, 'there is no pod', 60_000, 100)
    expect((await get(kinds.service, 'resting'))?.metadata.uid).toBe(service?.metadata.uid)
    await patch('resting', { suspend: false })
    await waitForCondition(namespace.name, 'resting')
    await reachable(place)
    expect(await hasFile(place)).toBe(true)
  })
})

describe.concurrent('A server', () => {
  test('that is paused is left as others leave it, until it goes on', async ({ expect }) => {
    await start('paused', 3126, { emptyDir: {} })
    await patch('paused', { paused: true, podDisruptionBudget: { mode: 'Enabled' } })
    await untilCondition(where('paused'), { type: 'Reconciling', status: 'False', reason: /^Paused$/ })
    await inNamespace('delete', 'networkpolicy', 'paused')
    // That the operator has seen all of this shows in status, which it goes on to write.
    await inNamespace('delete', 'pod', '-l', 'app.kubernetes.io/instance=paused', '--wait=true')
    await untilCondition(where('paused'), { type: 'Available', status: 'True' })
    expect(await get(kinds.networkPolicy, 'paused')).toBeUndefined()
    expect(await get(kinds.podDisruptionBudget, 'paused')).toBeUndefined()
    await patch('paused', { paused: false })
    await eventually(() => get(kinds.networkPolicy, 'paused'), 'the NetworkPolicy is there again', 15_000)
    await eventually(() => get(kinds.podDisruptionBudget, 'paused'), 'what was asked for meanwhile is there', 15_000)
  })

  test('leaves objects of others alone that have its names, says so, and goes on when they are gone', async ({
    expect,
  }) => {
    const foreign = (kind: string, name: string, rest: object) => ({
      apiVersion: 'v1',
      kind,
      metadata: { name, namespace: namespace.name },
      ...rest,
    })
    await applyYaml(
      foreign('Service', 'taken', { spec: { ports: [{ port: 80 }] } }),
      foreign('ConfigMap', 'taken-config', { data: { theirs: 'yes' } }),
      foreign('Secret', 'taken-users-0', { stringData: { theirs: 'yes' } }),
      foreign('PersistentVolumeClaim', 'taken-data', {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      }),
    )
    await inNamespace('wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/taken-data', '--timeout=30s')
    const taken = [
      [kinds.service, 'taken'],
      [kinds.configMap, 'taken-config'],
      [kinds.secret, 'taken-users-0'],
      [kinds.persistentVolumeClaim, 'taken-data'],
    ] as const
    const contents = () =>
      Promise.all(taken.map(async ([kind, name]) => (await get(kind, name))?.metadata.resourceVersion))
    const before = await contents()
    const place = await create('taken', 3127, withClaim('Delete'))
    const stalled = await untilCondition(where('taken'), { type: 'Stalled', status: 'True', reason: /^NameTaken$/ })
    expect(stalled.message).toContain('does not belong to this server')
    await untilCondition(where('taken'), { type: 'StorageReady', status: 'False', reason: /^ClaimTaken$/ })
    await untilEvent(where('taken'), /NameTaken/)
    expect(await contents()).toEqual(before)
    await inNamespace('delete', ...taken.map(([kind, name]) => `${kind.plural}/${name}`))
    await waitForCondition(namespace.name, 'taken')
    await reachable(place)
  })
})
