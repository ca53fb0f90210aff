import { expect, test } from 'vitest'
import { ftpServer, liveClaim, observe } from '../../test/operator/samples.ts'
import { plan } from '../ftp-server/plan.ts'
import { statusOf } from '../ftp-server/status/status.ts'
import { transitionsOf } from '../ftp-server/status/transitions.ts'
import { readSnapshot, readSnapshotClass } from './snapshot.ts'

const object = (status?: object) => ({
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshot',
  metadata: {
    name: 'uploads-20300101t0300z',
    uid: 'one',
    resourceVersion: '5',
    creationTimestamp: '2030-01-01T03:00:02Z',
    labels: { 'ftp-operator.io/snapshot-trigger': 'Schedule' },
    annotations: { 'ftp-operator.io/scheduled-time': '2030-01-01T03:00:00Z' },
  },
  spec: { source: { persistentVolumeClaimName: 'uploads-data' } },
  ...(status && { status }),
})
const error = { message: 'no space left', time: '2030-01-01T03:00:04Z' }

test.each([
  [undefined, { state: 'pending', isTakenUp: false }],
  [{ boundVolumeSnapshotContentName: 'content' }, { state: 'pending', isTakenUp: true }],
  [
    { readyToUse: false, error },
    { state: 'failed', message: 'no space left' },
  ],
  [
    { readyToUse: false, error: {} },
    { state: 'failed', message: 'it failed, and nobody says why' },
  ],
  [
    { readyToUse: true, creationTime: '2030-01-01T03:00:03Z', error },
    { state: 'ready', taken: Date.parse('2030-01-01T03:00:03Z') },
  ],
])('with the status %j a snapshot is %j', (status, expected) => {
  expect(readSnapshot(object(status))).toMatchObject({
    ...expected,
    trigger: 'Schedule',
    claim: 'uploads-data',
    time: Date.parse('2030-01-01T03:00:00Z'),
    created: Date.parse('2030-01-01T03:00:02Z'),
  })
})

test('the annotation of the default class is read', () => {
  const key = 'snapshot.storage.kubernetes.io/is-default-class'
  const made = (annotations?: Record<string, string>) => ({
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotClass',
    metadata: { name: 'csi', ...(annotations && { annotations }) },
  })
  expect(
    [made(), made({ [key]: 'false' }), made({ [key]: 'true' })].map(each => readSnapshotClass(each).isDefault),
  ).toEqual([false, false, true])
})

test('events tell of each snapshot that is ready, by name, and of failures', () => {
  const server = ftpServer('storage: { claim: { size: 10Gi }, snapshots: { schedule: 0 3 * * * } }')
  const told = (status?: object, name = 'uploads-20300101t0300z') => {
    const read = readSnapshot(object(status))
    const classes = [{ name: 'csi', isDefault: true }]
    const observation = observe(server, {
      claim: liveClaim('uploads-data', ['ReadWriteOnce']),
      snapshots: { kind: 'seen', snapshots: [{ ...read, name }], classes },
    })
    return statusOf(observation, plan(observation))
  }
  const texts = (before: Parameters<typeof transitionsOf>[0], after: Parameters<typeof transitionsOf>[1]) =>
    transitionsOf(before, after)
      .filter(({ reason }) => reason.includes('Snapshot'))
      .map(({ type, reason, note }) => `${type} ${reason}: ${note}`)
  const making = told({ boundVolumeSnapshotContentName: 'content' })
  const failed = told({ error })
  const ready = told({ readyToUse: true })
  const next = told({ readyToUse: true }, 'uploads-20300102t0300z')
  expect(texts(undefined, making)).toEqual([])
  expect(texts(making, failed)).toEqual([
    'Warning SnapshotFailed: VolumeSnapshot uploads-20300101t0300z: no space left',
  ])
  expect(texts(failed, ready)).toEqual(['Normal SnapshotReady: VolumeSnapshot uploads-20300101t0300z is ready to use'])
  expect(texts(ready, next)).toEqual(['Normal SnapshotReady: VolumeSnapshot uploads-20300102t0300z is ready to use'])
  expect(texts(next, next)).toEqual([])
})
