import { expect, test } from 'vitest'
import { ftpServer, liveClaim, liveService, now, observe, owned, pod, report } from '../../../test/operator/samples.ts'
import type { FtpServerStatus } from '../../api/ftp-server.ts'
import type { KubernetesObject } from '../../kubernetes/object.ts'
import type { Observation, ObservedPod } from '../../observation/observation.ts'
import { plan } from '../plan.ts'
import { statusOf } from './status.ts'
import { transitionsOf } from './transitions.ts'

const server = () =>
  ftpServer('{ storage: { claim: { size: 1Gi } }, listeners: [{ name: ftp, port: 21, tls: Disabled }] }')
const serves = pod({ report: report('any') })
const pulling = { reason: 'ImagePullBackOff', message: 'no such image' }

function pending(ageSeconds: number, trouble: ObservedPod['trouble'] = pulling): ObservedPod {
  return { ...pod({ ready: false }), name: 'new', created: now - ageSeconds * 1000, trouble }
}

function observed(pods: readonly ObservedPod[], live: readonly KubernetesObject[] = []): Observation {
  return observe(server(), { live: [liveService({}, [{ ip: '203.0.113.7' }]), ...live], pods })
}

function shown(observation: Observation, type: string): string {
  const found = statusOf(observation, plan(observation)).conditions?.find(each => each.type === type)
  return `${found?.status} ${found?.reason}`
}

test('trouble of a new pod stalls a server after a minute, also where an older one serves', () => {
  expect(shown(observed([pending(59)]), 'Stalled')).toBe('False NotStalled')
  expect(shown(observed([pending(59)]), 'Available')).toBe('False ImagePullBackOff')
  expect(shown(observed([serves, pending(61)]), 'Stalled')).toBe('True ImagePullBackOff')
  expect(shown(observed([serves, pending(61)]), 'Available')).toBe('True AllReplicasReady')
})

test('a server is looked at again when that minute is over', () => {
  expect(plan(observed([{ ...pending(20), node: undefined }])).requeueAfterSeconds).toBe(41)
})

test('that no node takes a new pod at once is nothing to tell: its volume may be about to be made', () => {
  const waits = (ageSeconds: number): ObservedPod => ({
    ...pending(ageSeconds, { reason: 'Unschedulable', message: 'unbound claims' }),
    node: undefined,
  })
  const warnings = (ageSeconds: number) => {
    const found = observed([waits(ageSeconds)])
    return transitionsOf({}, statusOf(found, plan(found))).flatMap(({ type, reason }) =>
      type === 'Warning' ? [reason] : [],
    )
  }
  expect(warnings(1)).toEqual([])
  expect(shown(observed([waits(1)]), 'Available')).toBe('False NoReplicaReady')
  expect(plan(observed([waits(1)])).requeueAfterSeconds).toBe(15)
  expect(warnings(16)).toEqual(['Unschedulable'])
  expect(plan(observed([waits(16)])).requeueAfterSeconds).toBe(45)
})

test('pods that are refused stall a server, also where an older one serves', () => {
  const refusal = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'violates PodSecurity' }
  const deployment = owned({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'uploads-0', namespace: 'media' },
    status: { conditions: [refusal] },
  })
  expect(shown(observed([serves], [deployment]), 'Stalled')).toBe('True PodsRefused')
  expect(shown(observed([], [deployment]), 'Available')).toBe('False PodsRefused')
})

test('what stalls a server that serves all the same is told in an event, and what has one already is not', () => {
  const told = (observation: Observation) => {
    const after = statusOf(observation, plan(observation))
    return transitionsOf({} satisfies FtpServerStatus, after).flatMap(({ type, reason }) =>
      type === 'Warning' ? [reason] : [],
    )
  }
  expect(told(observed([serves, pending(61)]))).toContain('ImagePullBackOff')
  expect(told(observed([pending(61)])).filter(reason => reason === 'ImagePullBackOff')).toHaveLength(1)
})

test.each([
  ['PersistentVolumeClaim', 'uploads-data'],
  ['ConfigMap', 'uploads-config'],
  ['ServiceAccount', 'uploads'],
])('no pod is made with a %s of somebody else', (kind, name) => {
  const foreign = { ...liveClaim(name, ['ReadWriteOnce']), kind }
  const { labels: _, ...metadata } = foreign.metadata
  const { apply, problems } = plan(observed([], [{ ...foreign, metadata }]))
  expect(apply.map(each => each.kind)).not.toContain('Deployment')
  expect(apply.map(each => each.kind)).toContain('NetworkPolicy')
  expect(problems).toContainEqual(expect.objectContaining({ source: `${kind} ${name}`, reason: 'NameTaken' }))
})

test('a Service of somebody else is not where clients find the server', () => {
  const { metadata, ...service } = liveService({ type: 'LoadBalancer' }, [{ ip: '203.0.113.7' }])
  const foreign = { ...service, metadata: { name: metadata.name, namespace: metadata.namespace ?? '' } }
  const observation = observe(server(), { live: [foreign] })
  const planned = plan(observation)
  expect(planned.apply.map(each => each.kind)).toContain('Deployment')
  expect(statusOf(observation, planned).address).toBeUndefined()
})
