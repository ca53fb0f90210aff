import { expect, test } from 'vitest'
import { ftpServer, liveClaim, observe } from '../../test/operator/samples.ts'
import { plan } from '../ftp-server/plan.ts'
import { statusOf } from '../ftp-server/status/status.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { dataSourceKind, readDataSource } from '../observation/data-source.ts'
import type { Observation } from '../observation/observation.ts'

const reference = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'last-night' }
const spec = `{ storage: { claim: { size: 10Gi, dataSource: ${JSON.stringify(reference)} } } }`
const snapshot = (status: object) => ({
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshot',
  metadata: { name: 'last-night' },
  status,
})

function conditions(dataSource: Observation['dataSource'], phase = 'Pending') {
  const claim = liveClaim('uploads-data', ['ReadWriteOnce'], phase)
  const observation = observe(ftpServer(spec), { claim, dataSource })
  const found = statusOf(observation, plan(observation)).conditions ?? []
  const shown = (type: string) => found.find(each => each.type === type)
  const { status, reason, message } = shown('StorageReady') ?? {}
  return { storage: `${status} ${reason}: ${message}`, stalled: shown('Stalled')?.reason }
}

test.each([
  [undefined, 'claim uploads-data: VolumeSnapshot last-night, which the volume is to be filled with, does not exist'],
  [{ readyToUse: false, error: { message: 'gone' } }, 'is not ready to use: gone'],
  [{ readyToUse: false }, 'is not ready to use'],
  [{ readyToUse: true, restoreSize: '20Gi' }, 'takes 20Gi, and storage.claim.size is 10Gi: make it larger'],
  [{ readyToUse: true, restoreSize: '10Gi' }, 'the volume is being filled with VolumeSnapshot last-night'],
  [{ readyToUse: true }, 'the volume is being filled with VolumeSnapshot last-night'],
])('a claim that waits for a snapshot in the state %j says so', (status, message) => {
  expect(conditions(readDataSource(status && snapshot(status))).storage).toContain(message)
})

test('it takes a person where the snapshot does not exist, is larger, or of a kind that the cluster does not have', () => {
  expect(conditions({ state: 'missing' }).stalled).toBe('SourceNotFound')
  expect(conditions({ state: 'not-served' })).toMatchObject({ stalled: 'SourceNotFound' })
  expect(conditions(readDataSource(snapshot({ readyToUse: true, restoreSize: '1Ti' }))).stalled).toBe(
    'SmallerThanSource',
  )
  expect(conditions(readDataSource(snapshot({ readyToUse: false }))).stalled).toBe('NotStalled')
})

test('once the claim is bound nobody asks for what it was filled with', () => {
  expect(conditions({ state: 'missing' }, 'Bound').storage).toMatch(/^True Bound/)
})

test('a claim as source is ready when it is bound', () => {
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'a' } }
  const bound = { ...claim, status: { phase: 'Bound', capacity: { storage: '5Gi' } } }
  expect(readDataSource(bound)).toEqual({ state: 'ready', size: '5Gi', message: undefined })
  expect(readDataSource({ ...claim, status: { phase: 'Pending' } })).toMatchObject({ state: 'pending' })
})

test('what only a provisioner knows is left to it', () => {
  expect(dataSourceKind(reference)).toBe(kinds.volumeSnapshot)
  expect(dataSourceKind({ kind: 'PersistentVolumeClaim', name: 'a' })).toBe(kinds.persistentVolumeClaim)
  expect(dataSourceKind({ apiGroup: 'example.com', kind: 'Populator', name: 'a' })).toBeUndefined()
  expect(conditions(undefined).storage).toMatch(/^False Pending/)
})
