/** Snapshots of volumes, by the whole operator against a real API server. What makes them is played by the tests. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { FtpServerStatus } from '../../operator/api/ftp-server.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import type { KubernetesObject, Manifest } from '../../operator/kubernetes/object.ts'
import { at, listAt, textAt, textsAt } from '../../operator/kubernetes/read.ts'
import { helmTest } from '../chart/helm.ts'
import { ftpServer, getFtpServer } from '../support/cluster/cluster.ts'
import { untilCondition } from '../support/cluster/conditions.ts'
import { clusterTest, kubebuilderAssets } from '../support/control-plane/api-server.ts'
import { chartNamespace } from '../support/control-plane/chart-rights.ts'
import { type ControlPlane, rightsKinds, startControlPlane } from '../support/control-plane/control-plane.ts'
import { type HostedOperator, hostOperator } from '../support/control-plane/hosted-operator.ts'
import { eventually } from '../support/eventually.ts'
import { snapshotClass, snapshotDefinitions } from './snapshot-definitions.ts'

let hosted: HostedOperator
let plane: ControlPlane
const hasHelm = helmTest === test
const namespace = 'media'
const claim = { size: '1Gi' }
const daily = '0 3 * * *'
const day = 86_400_000

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  plane = await startControlPlane()
  for (const name of [chartNamespace, namespace]) await plane.createNamespace(name)
  hosted = await hostOperator(plane, hasHelm ? 'rights of the chart' : 'all rights')
}, 90_000)

afterAll(async () => {
  await hosted?.stop()
  await plane?.stop()
}, 30_000)

function serve(name: string, snapshots: object, rest: object = {}): Manifest {
  return ftpServer(namespace, name, { storage: { claim, snapshots, ...rest } })
}

/** As the volume controller does it. */
async function bind(server: string): Promise<void> {
  const name = `${server}-data`
  await eventually(() => plane.cluster.get(kinds.persistentVolumeClaim, { namespace, name }), `there is ${name}`)
  await tell({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  } as Manifest)
}

/** As a snapshot controller does it. */
async function finish(name: string, status: object): Promise<void> {
  await tell({
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name, namespace },
    status,
  } as Manifest)
}

async function tell(manifest: Manifest): Promise<void> {
  await plane.cluster.applyStatus(manifest, { fieldManager: 'tests', force: true })
}

const ready = () => ({ readyToUse: true, creationTime: new Date().toISOString(), restoreSize: '1Gi' })

async function snapshotsOf(server: string): Promise<readonly KubernetesObject[]> {
  const labelSelector = `app.kubernetes.io/instance=${server}`
  return (await plane.cluster.list(kinds.volumeSnapshot, { namespace, labelSelector })).items
}

async function untilMade(server: string, count = 1): Promise<readonly string[]> {
  return eventually(
    async () => {
      const names = (await snapshotsOf(server)).map(({ metadata }) => metadata.name)
      return names.length === count && names
    },
    `${server} has ${count} snapshots`,
    20_000,
  )
}

async function statusOf(name: string): Promise<NonNullable<FtpServerStatus['storage']>['snapshots']> {
  const status = (await getFtpServer(plane.cluster, namespace, name))?.['status'] as FtpServerStatus | undefined
  return status?.storage?.snapshots
}

const place = (name: string) => ({ cluster: plane.cluster, namespace, name })

/** Has the operator away for so long, and back. */
async function away(name: string, milliseconds: number): Promise<void> {
  await hosted.stop()
  const lastScheduleTime = new Date(Date.now() - milliseconds).toISOString()
  const status = { storage: { claimName: `${name}-data`, snapshots: { schedule: `${daily} UTC`, lastScheduleTime } } }
  await tell({
    apiVersion: 'ftp-operator.io/v1alpha1',
    kind: 'FtpServer',
    metadata: { name, namespace },
    status,
  } as Manifest)
  await hosted.restart(undefined)
}

/** The last time of the daily schedule. */
function lastTime(): string {
  const last = new Date(Date.now() - 3 * 3_600_000).toISOString().slice(0, 10)
  return `${last.replaceAll('-', '')}t0300z`
}

clusterTest(
  'a cluster without snapshots is told of, and they are made as soon as it has them',
  async () => {
    await plane.apply(serve('early', { schedule: daily }))
    await plane.cluster.patchMerge(
      { group: 'ftp-operator.io', version: 'v1alpha1', plural: 'ftpservers', kind: 'FtpServer', namespaced: true },
      { namespace, name: 'early' },
      { metadata: { annotations: { 'ftp-operator.io/snapshot': 'first' } } },
    )
    await bind('early')
    await untilCondition(place('early'), { type: 'SnapshotsReady', status: 'False', reason: /^SnapshotsNotServed$/ })
    await untilCondition(place('early'), { type: 'StorageReady', status: 'True' })
    await eventually(async () => (await hosted.names(namespace)).includes('Deployment early-0'), 'all else is made')
    expect(await hosted.statusOf(namespace, 'early')).toMatchObject({
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Stalled', status: 'False' })]),
    })
    plane.proxy.forget()
    const before = await hosted.reconciled()
    await plane.apply(...snapshotDefinitions)
    await eventually(() => plane.cluster.list(kinds.volumeSnapshotClass), 'classes are served', 20_000)
    await plane.apply(snapshotClass('csi', true))
    await eventually(async () => (await snapshotsOf('early')).length === 1, 'it is made', 100_000)
    expect(await untilMade('early')).toEqual(['early-first'])
    // It looks once a minute, and not in a loop.
    expect((await hosted.reconciled()) - before).toBeLessThan(10)
  },
  150_000,
)

clusterTest('what was missed while no operator was there is made once, whoever leads after', async () => {
  await plane.apply(serve('away', { schedule: daily, retention: { maxCount: 2 } }))
  await bind('away')
  await untilCondition(place('away'), { type: 'SnapshotsReady', status: 'Unknown', reason: /^NoneYet$/ })
  expect(await snapshotsOf('away')).toEqual([])
  await away('away', 5 * day)
  const name = `away-${lastTime()}`
  expect(await untilMade('away')).toEqual([name])
  const [made] = await snapshotsOf('away')
  expect(made?.metadata.ownerReferences).toBeUndefined()
  expect(made?.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'ftp-operator' })
  expect(at(made, 'spec')).toEqual({ source: { persistentVolumeClaimName: 'away-data' } })
  // The answer got lost, and the next one to lead knows of nothing.
  await away('away', 5 * day)
  await eventually(
    async () => (await statusOf('away'))?.lastScheduleTime?.endsWith('T03:00:00Z'),
    'it is seen to',
    20_000,
  )
  expect(await untilMade('away')).toEqual([name])
  expect((await snapshotsOf('away'))[0]?.metadata.uid).toBe(made?.metadata.uid)
})

clusterTest(
  'it tells how a snapshot turns out, and removes what is too many once newer ones are ready',
  async () => {
    await plane.apply(serve('kept', { schedule: daily, className: 'csi', retention: { maxCount: 1 } }))
    await bind('kept')
    await untilCondition(place('kept'), { type: 'SnapshotsReady', status: 'Unknown', reason: /^NoneYet$/ })
    const older = { ...labelled('kept', 'kept-older'), spec: { source: { persistentVolumeClaimName: 'kept-data' } } }
    await plane.apply(older)
    await finish('kept-older', ready())
    await away('kept', 2 * day)
    const name = `kept-${lastTime()}`
    await untilMade('kept', 2)
    await finish(name, { readyToUse: false, error: { message: 'the disk is busy', time: new Date().toISOString() } })
    await untilCondition(place('kept'), {
      type: 'SnapshotsReady',
      status: 'False',
      reason: /^SnapshotFailed$/,
      message: /the disk is busy$/,
    })
    expect(await untilMade('kept', 2)).toContain('kept-older')
    expect(await statusOf('kept')).toMatchObject({ lastSuccessfulName: 'kept-older' })
    await finish(name, ready())
    await untilCondition(place('kept'), { type: 'SnapshotsReady', status: 'True', reason: /^SnapshotReady$/ }, 100)
    expect(await untilMade('kept')).toEqual([name])
    expect(await statusOf('kept')).toMatchObject({ lastSuccessfulName: name })
    const told = await eventually(async () => {
      const { items } = await plane.cluster.list(kinds.event, { namespace })
      const notes = items
        .filter(each => at(each, 'regarding', 'name') === 'kept')
        .map(each => `${textAt(each, 'reason')}: ${textAt(each, 'note')}`)
      return notes.includes(`SnapshotReady: VolumeSnapshot ${name} is ready to use`) && notes
    }, 'there is an event')
    expect(told).toContain(`SnapshotFailed: VolumeSnapshot ${name}: the disk is busy`)
  },
  150_000,
)

clusterTest('a new value of the annotation makes one more, and snapshots outlive their server', async () => {
  const ask = (value: string) =>
    plane.apply({
      ...serve('asked', { className: 'csi' }),
      metadata: { name: 'asked', namespace, annotations: { 'ftp-operator.io/snapshot': value } },
    })
  await ask('one')
  await bind('asked')
  expect(await untilMade('asked')).toEqual(['asked-one'])
  await eventually(async () => (await statusOf('asked'))?.lastRequest === 'one', 'it is done', 20_000)
  await ask('two')
  expect(await untilMade('asked', 2)).toEqual(['asked-one', 'asked-two'])
  await ask('No')
  await untilCondition(place('asked'), { type: 'SnapshotsReady', status: 'False', reason: /^RequestInvalid$/ })
  const server = await getFtpServer(plane.cluster, namespace, 'asked')
  await plane.cluster.delete(
    { group: 'ftp-operator.io', version: 'v1alpha1', plural: 'ftpservers', kind: 'FtpServer', namespaced: true },
    { namespace, name: 'asked' },
    { uid: server?.metadata.uid },
  )
  expect(await untilMade('asked', 2)).toEqual(['asked-one', 'asked-two'])
})

clusterTest('a snapshot whose making was never answered is not made twice, and taken for done', async () => {
  const lost: string[] = []
  plane.proxy.setFault(({ method, path }) => {
    if (method !== 'POST' || !path.endsWith('/volumesnapshots') || lost.length > 0) return undefined
    lost.push(path)
    return { fault: 'lost-answer' }
  })
  try {
    await plane.apply({
      ...serve('lost', { className: 'csi' }),
      metadata: { name: 'lost', namespace, annotations: { 'ftp-operator.io/snapshot': 'one' } },
    })
    await bind('lost')
    await eventually(async () => (await statusOf('lost'))?.lastRequest === 'one', 'it is done', 20_000)
  } finally {
    plane.proxy.setFault(undefined)
  }
  expect(lost).toHaveLength(1)
  expect(await untilMade('lost')).toEqual(['lost-one'])
  await untilCondition(place('lost'), { type: 'SnapshotsReady', status: 'Unknown', reason: /^InProgress$/ })
})

clusterTest('a name that is somebody else’s is told, and left alone', async () => {
  const theirs = {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name: 'taken-now', namespace },
    spec: { source: { persistentVolumeClaimName: 'other' } },
  }
  await plane.apply(theirs, {
    ...serve('taken', {}),
    metadata: { name: 'taken', namespace, annotations: { 'ftp-operator.io/snapshot': 'now' } },
  })
  await bind('taken')
  await untilCondition(place('taken'), {
    type: 'SnapshotsReady',
    status: 'False',
    reason: /^SnapshotRefused$/,
    message: /VolumeSnapshot taken-now exists already and is somebody else’s/,
  })
  expect((await statusOf('taken'))?.lastRequest).toBeUndefined()
})

clusterTest('a class that is missing is named', async () => {
  await plane.apply(serve('classless', { schedule: daily, className: 'gold' }))
  await bind('classless')
  await untilCondition(place('classless'), {
    type: 'SnapshotsReady',
    status: 'False',
    reason: /^SnapshotClassNotFound$/,
    message: /gold/,
  })
})

clusterTest('a claim is filled with a snapshot, and tells what it waits for', async () => {
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'restored-from' }
  await plane.apply(ftpServer(namespace, 'restored', { storage: { claim: { ...claim, dataSource } } }))
  await untilCondition(place('restored'), { type: 'StorageReady', status: 'False', reason: /^SourceNotFound$/ })
  await untilCondition(place('restored'), { type: 'Stalled', status: 'True', reason: /^SourceNotFound$/ })
  const id = { namespace, name: 'restored-data' }
  const made = await plane.cluster.get(kinds.persistentVolumeClaim, id)
  expect(at(made, 'spec')).toMatchObject({ dataSource, dataSourceRef: dataSource })
  await bind('restored')
  await untilCondition(place('restored'), { type: 'StorageReady', status: 'True', reason: /^Bound$/ })
})

clusterTest('a claim that was made with its source in another field stays as it is', async () => {
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'last' }
  const name = 'before-data'
  const labels = { ...labelled('before', name).metadata.labels }
  const resources = { requests: { storage: '1Gi' } }
  const manifest = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace, labels, annotations: { 'ftp-operator.io/applied-hash': 'before' } },
    spec: { accessModes: ['ReadWriteOnce'], resources, dataSource },
  }
  await plane.cluster.apply(manifest, { fieldManager: 'ftp-operator', force: true })
  await plane.apply(ftpServer(namespace, 'before', { storage: { claim: { ...claim, dataSource } } }))
  await bind('before')
  await untilCondition(place('before'), { type: 'StorageReady', status: 'True' })
  const found = await plane.cluster.get(kinds.persistentVolumeClaim, { namespace, name })
  expect(at(found, 'spec')).toMatchObject({ dataSource, dataSourceRef: dataSource })
  expect(found?.metadata.annotations?.['ftp-operator.io/applied-hash']).not.toBe('before')
  await untilCondition(place('before'), { type: 'Stalled', status: 'False' })
})

const withoutRights = hasHelm ? clusterTest : helmTest
withoutRights('an operator without rights to snapshots says so, and does all else', async () => {
  const role = { name: 'release-ftp-operator' }
  const [clusterRole] = rightsKinds
  if (clusterRole === undefined) throw new Error('no such kind')
  const found = await plane.cluster.get(clusterRole, role)
  const rules = listAt(found, 'rules').filter(rule => !textsAt(rule, 'apiGroups').includes('snapshot.storage.k8s.io'))
  await plane.cluster.patchMerge(clusterRole, role, { rules })
  onTestFinished(
    async () => void (await plane.cluster.patchMerge(clusterRole, role, { rules: listAt(found, 'rules') })),
  )
  await plane.apply(serve('denied', { schedule: daily }))
  await bind('denied')
  await untilCondition(place('denied'), {
    type: 'SnapshotsReady',
    status: 'False',
    reason: /^SnapshotsForbidden$/,
    message: /volumesnapshots.* is forbidden/,
  })
  await eventually(async () => (await hosted.names(namespace)).includes('Deployment denied-0'), 'all else is made')
  await untilCondition(place('denied'), { type: 'StorageReady', status: 'True' })
})

clusterTest('definitions that are taken away again are told of, and nothing else is held up', async () => {
  const name = 'volumesnapshots.snapshot.storage.k8s.io'
  await plane.cluster.delete(kinds.customResourceDefinition, { name })
  const isGone = async () => (await plane.cluster.get(kinds.customResourceDefinition, { name })) === undefined
  await eventually(isGone, 'they are gone', 20_000)
  await plane.apply({
    ...serve('kept', { schedule: daily, className: 'csi', retention: { maxCount: 1 } }),
    metadata: { name: 'kept', namespace, annotations: { 'ftp-operator.io/snapshot': 'late' } },
  })
  await untilCondition(place('kept'), { type: 'SnapshotsReady', status: 'False', reason: /^SnapshotsNotServed$/ })
  expect((await statusOf('kept'))?.lastSuccessfulName).toMatch(/^kept-/)
  await untilCondition(place('kept'), { type: 'StorageReady', status: 'True' })
})

function labelled(server: string, name: string) {
  const labels = {
    'app.kubernetes.io/name': 'ftp-server',
    'app.kubernetes.io/instance': server,
    'app.kubernetes.io/managed-by': 'ftp-operator',
    'ftp-operator.io/snapshot-trigger': 'Schedule',
  }
  const annotations = { 'ftp-operator.io/scheduled-time': new Date(Date.now() - 20 * day).toISOString() }
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name, namespace, labels, annotations },
  }
}
