import { expect, test } from 'vitest'
import { ftpServer } from '../../test/operator/samples.ts'
import { needsProvider, providerOf } from './provider.ts'

test('nodes are asked only where the Service does not say whose load balancer it wants', () => {
  const needs = (service: string) => needsProvider(ftpServer(`{ service: ${service}, storage: { emptyDir: {} } }`).spec)
  expect(needs('{}')).toBe(true)
  expect(needs('{ type: ClusterIP }')).toBe(false)
  expect(needs('{ loadBalancerClass: service.k8s.aws/nlb }')).toBe(false)
})

test.each([
  ['aws:///eu-central-1a/i-0123', 'aws'],
  ['azure:///subscriptions/0/x', 'azure'],
  ['gce://project/zone/node', 'gce'],
  ['', undefined],
  [undefined, undefined],
])('%s is a node of %s', (id, expected) => {
  expect(providerOf(id)).toBe(expected)
})
