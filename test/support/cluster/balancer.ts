/** A load balancer that does what a test says: nobody else gives the Services of a namespace their addresses meanwhile. */

import { eventually } from '../eventually.ts'
import { applyYaml, kubectl } from './cluster.ts'

export type Balancer = {
  /** What the Service of a server gets, in place of what it had. */
  assign(name: string, ingress: readonly Readonly<Record<string, string>>[]): Promise<void>
  dispose(): Promise<void>
}

const user = 'test:balancer'

/** Resolves when the API server refuses what anybody else says about addresses in the namespace. */
export async function createBalancer(namespace: string): Promise<Balancer> {
  const name = `balancer-${namespace}`
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['services/status'] },
        ],
      },
      validations: [{ expression: `request.userInfo.username == '${user}'`, message: 'addresses are the test’s' }],
    },
  }
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  }
  await applyYaml(policy, binding)
  await applyYaml({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { ports: [{ port: 1 }] } })
  const status = (service: string, ingress: readonly object[], ...flags: readonly string[]) =>
    kubectl([
      ...['-n', namespace, 'patch', 'service', service, '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify({ status: { loadBalancer: { ingress } } }), ...flags],
    ])
  await eventually(
    () =>
      status(name, [], '--dry-run=server').then(
        () => false,
        () => true,
      ),
    'the policy is in force',
    30_000,
    200,
  )
  return {
    async assign(service, ingress) {
      await status(service, ingress, `--as=${user}`, '--as-group=system:masters')
    },
    async dispose() {
      await kubectl(['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', name])
    },
  }
}
