import { expect, test } from 'vitest'
import { isRollingOut, readClaim, readNodeAddresses, readPod, readReport, readService, readSource } from './live.ts'

const metadata = { name: 'x', namespace: 'media' }

test('objects without any of the fields read as empty, whatever is in their place', () => {
  const odd = { apiVersion: 'v1', kind: 'Service', metadata, spec: 'text', status: [] }
  expect(readService(odd)).toEqual({ clusterAddress: undefined, ingress: [], ports: [], nodePorts: new Map() })
  expect(readClaim(odd)).toMatchObject({ phase: 'Pending', capacity: undefined, accessModes: [] })
  expect(readNodeAddresses(odd)).toEqual([])
  expect(readPod(odd, undefined)).toBeUndefined()
  expect(readReport('no')).toBeUndefined()
})

test('a headless Service has no address', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None', clusterIPs: ['None'] } }
  expect(readService(service).clusterAddress).toBeUndefined()
})

test('of two addresses of a Service that of IPv4 counts', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIPs: ['fd00::7', '10.96.0.7'] } }
  expect(readService(service).clusterAddress).toBe('10.96.0.7')
})

test('Secrets are decoded, ConfigMaps are text or binary', () => {
  const decoded = (kind: string, fields: object) =>
    Object.fromEntries(
      [...(readSource({ apiVersion: 'v1', kind, metadata, ...fields })?.data ?? [])].map(([key, bytes]) => [
        key,
        Buffer.from(bytes).toString(),
      ]),
    )
  expect(decoded('Secret', { data: { a: 'aG9yc2U=' } })).toEqual({ a: 'horse' })
  expect(decoded('ConfigMap', { data: { a: 'aG9yc2U=' }, binaryData: { b: 'aG9yc2U=' } })).toEqual({
    a: 'aG9yc2U=',
    b: 'horse',
  })
  expect(readSource({ apiVersion: 'v1', kind: 'Pod', metadata })).toBeUndefined()
})

test('a pod says why it does not run', () => {
  const labels = { 'ftp-operator.io/replica': '1', 'ftp-operator.io/ports-half': 'b' }
  const base = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, labels } }
  const waiting = (reason: string) => ({
    status: { containerStatuses: [{ state: { waiting: { reason, message: 'why' } } }] },
  })
  expect(readPod({ ...base, ...waiting('CrashLoopBackOff') }, undefined)).toMatchObject({
    replica: 1,
    half: 'b',
    ready: false,
    trouble: { reason: 'CrashLoopBackOff', message: 'why' },
  })
  expect(readPod({ ...base, ...waiting('ContainerCreating') }, undefined)?.trouble).toBeUndefined()
})

test('an image that is tried again and again is one and the same trouble all the time', () => {
  const waiting = (reason: string, message: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, labels: { 'ftp-operator.io/replica': '0' } },
    status: { containerStatuses: [{ state: { waiting: { reason, message } } }] },
  })
  const cause = 'failed to pull and unpack image "example.com/ftp:9": not found'
  const troubles = [
    waiting('ErrImagePull', cause),
    waiting('ImagePullBackOff', `Back-off pulling image "example.com/ftp:9": ErrImagePull: ${cause}`),
  ].map(object => readPod(object, undefined)?.trouble)
  expect(troubles).toEqual([1, 2].map(() => ({ reason: 'ImagePullBackOff', message: cause })))
})

test.each([
  ['a generation that nobody has seen', 2, { observedGeneration: 1, replicas: 1, updatedReplicas: 1 }, true],
  ['an older pod beside the new one', 1, { observedGeneration: 1, replicas: 2, updatedReplicas: 1 }, true],
  ['no new pod yet', 1, { observedGeneration: 1, replicas: 1 }, true],
  ['one pod, the newest', 1, { observedGeneration: 1, replicas: 1, updatedReplicas: 1 }, false],
])('a Deployment with %s', (_, generation, status, expected) => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, generation },
    spec: { replicas: 1 },
    status,
  }
  expect(isRollingOut(deployment)).toBe(expected)
})
