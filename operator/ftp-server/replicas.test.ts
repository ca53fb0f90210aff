/** What must not be lost while replicas come, go and are replaced. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { ftpServer, liveService, observe, owned, pod, report } from '../../test/operator/samples.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { at } from '../kubernetes/read.ts'
import type { ObservedPod } from '../observation/observation.ts'
import { type Plan, plan } from './plan.ts'

function planned(replicas: number, policy: 'Local' | 'Cluster', pods: readonly ObservedPod[] = []): Plan {
  const server = ftpServer(`
replicas: ${replicas}
storage: { claim: { size: 10Gi, accessModes: [ReadWriteMany] } }
listeners: [{ name: ftp, port: 21, tls: Disabled }]
limits: { maxSessions: 700, maxSessionsPerAddress: 5 }
`)
  const live = [liveService({ externalTrafficPolicy: policy }, [{ ip: '203.0.113.7' }])]
  return plan(observe(server, { live, pods }))
}

function find({ apply }: Plan, kind: string, name = 'uploads'): KubernetesObject {
  const found = apply.find(manifest => manifest.kind === kind && manifest.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

const policyOf = (made: Plan) => at(find(made, 'Service'), 'spec', 'externalTrafficPolicy')
const configurationOf = (made: Plan) =>
  parse(String(at(find(made, 'ConfigMap', 'uploads-config'), 'data', 'server-0a.yaml')))

test('the first replica learns that addresses are hidden before they are', () => {
  const behind = planned(3, 'Local', [pod({ report: report('old') })])
  expect(configurationOf(behind).passive.peerCheck).toBe('off')
  expect(policyOf(behind)).toBe('Local')
  const hash = behind.decisions.hashOf(0, 'a')
  expect(policyOf(planned(3, 'Local', [pod({ report: report(hash) })]))).toBe('Cluster')
})

test.each([
  ['does not answer', pod()],
  ['refuses its configuration', pod({ report: report('old', { problemCount: 1 }) })],
  ['serves nobody yet', pod({ report: report('old'), ready: false })],
  ['ends', pod({ report: report('old'), terminating: true })],
])('a pod that %s is not waited for', (_, one) => {
  expect(policyOf(planned(3, 'Local', [one]))).toBe('Cluster')
})

test('what was Cluster once is not taken back for a pod that is behind', () => {
  expect(policyOf(planned(3, 'Cluster', [pod({ report: report('old') })]))).toBe('Cluster')
})

test('a replica that is wanted no more is reached until it is gone', () => {
  const draining = planned(1, 'Cluster', [pod(), pod({ replica: 2, terminating: true })])
  expect(policyOf(draining)).toBe('Cluster')
  expect(at(find(draining, 'Service'), 'spec', 'ports')).toHaveLength(1 + 3 * 20)
  const gone = planned(1, 'Cluster', [pod()])
  expect(policyOf(gone)).toBe('Local')
  expect(at(find(gone, 'Service'), 'spec', 'ports')).toHaveLength(1 + 20)
})

test('addresses are checked again only when they are visible again', () => {
  expect(configurationOf(planned(1, 'Cluster', [pod()])).passive.peerCheck).toBe('off')
  expect(configurationOf(planned(1, 'Local', [pod()])).passive.peerCheck).toBe('same-address')
})

test('where addresses are hidden all clients are not taken for one that has too many sessions', () => {
  expect(configurationOf(planned(1, 'Local')).limits.maxSessionsPerAddress).toBe(5)
  expect(configurationOf(planned(3, 'Cluster')).limits.maxSessionsPerAddress).toBe(700)
})

test('a pod that is taken away keeps its ports, and the one in its place gets others at once', () => {
  const before = planned(1, 'Local')
  const deployment = owned(find(before, 'Deployment', 'uploads-0'))
  const server = before.decisions.blueprint.server
  const after = (pods: readonly ObservedPod[]) => {
    const live = [liveService({ externalTrafficPolicy: 'Local' }, [{ ip: '203.0.113.7' }]), deployment]
    const made = find(plan(observe(server, { live, pods })), 'Deployment', 'uploads-0')
    return [
      at(made, 'metadata', 'annotations', 'ftp-operator.io/ports-half'),
      at(made, 'spec', 'strategy', 'rollingUpdate', 'maxUnavailable'),
    ]
  }
  expect(after([pod()])).toEqual(['a', 0])
  expect(after([pod({ terminating: true }), pod({ ready: false })])).toEqual(['b', 1])
  expect(after([pod({ terminating: true, ready: false })])).toEqual(['a', 0])
})
