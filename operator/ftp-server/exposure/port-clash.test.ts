import { expect, test } from 'vitest'
import { ftpServer, liveService, observe } from '../../../test/operator/samples.ts'
import type { KubernetesObject } from '../../kubernetes/object.ts'
import { plan } from '../plan.ts'
import { statusOf } from '../status/status.ts'
import { findPortClash } from './port-clash.ts'

const ports = (...numbers: readonly number[]) => numbers.map(port => ({ port }))

function balancer(name: string, created: string, spec: object, address: string): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'media', creationTimestamp: `2030-01-01T${created}Z` },
    spec: { type: 'LoadBalancer', ...spec },
    status: { loadBalancer: { ingress: [{ ip: address }] } },
  }
}

const younger = balancer('uploads', '10:00:01', { ports: ports(21, 20_000) }, '203.0.113.7')

test.each<[string, KubernetesObject, ReturnType<typeof findPortClash>]>([
  [
    'an older Service with the same address has the port',
    balancer('first', '10:00:00', { ports: ports(990, 20_000) }, '203.0.113.7'),
    { port: 20_000, address: '203.0.113.7', rival: 'media/first' },
  ],
  [
    'of two of the same second the first in the alphabet has it',
    balancer('a', '10:00:01', { ports: ports(21) }, '203.0.113.7'),
    { port: 21, address: '203.0.113.7', rival: 'media/a' },
  ],
  ['so the other is told nothing', balancer('z', '10:00:01', { ports: ports(21) }, '203.0.113.7'), undefined],
  ['a younger one does not count', balancer('last', '10:00:02', { ports: ports(21) }, '203.0.113.7'), undefined],
  ['another address does not clash', balancer('first', '10:00:00', { ports: ports(21) }, '203.0.113.8'), undefined],
  ['other ports do not clash', balancer('first', '10:00:00', { ports: ports(22) }, '203.0.113.7'), undefined],
  [
    'a Service of another type has no address of a load balancer',
    balancer('first', '10:00:00', { ports: ports(21), type: 'ClusterIP' }, '203.0.113.7'),
    undefined,
  ],
])('%s', (_, other, expected) => {
  expect(findPortClash(younger, [other])).toEqual(expected)
})

test('a server whose port another one has says so, is stalled, and looks again in seconds', () => {
  const service = liveService({ type: 'LoadBalancer', ports: ports(21) }, [{ ip: '203.0.113.7' }])
  const metadata = { ...service.metadata, creationTimestamp: '2030-01-01T10:00:01Z' }
  const first = balancer('first', '10:00:00', { ports: ports(21) }, '203.0.113.7')
  const observation = observe(ftpServer('{ storage: { emptyDir: {} } }'), {
    live: [{ ...service, metadata }],
    otherServices: [first],
  })
  const planned = plan(observation)
  const { conditions = [] } = statusOf(observation, planned)
  expect(conditions).toContainEqual(
    expect.objectContaining({ type: 'AddressReady', status: 'False', reason: 'PortTaken' }),
  )
  expect(conditions.find(({ type }) => type === 'AddressReady')?.message).toMatch(/21 of 203\.0\.113\.7 .*media\/first/)
  expect(conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }))
  expect(planned.requeueAfterSeconds).toBeLessThanOrEqual(10)
})
