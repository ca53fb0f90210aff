/** NetworkPolicy: clients reach listeners and passive ports, monitoring reaches the probes, and nobody anything else. */
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { labelKeys, operatorApplicationName, selectorLabels } from './names.ts'
import { containerPorts, probesPort, sliceOf } from './ports.ts'
import { canRelay, relayPort } from './relay.ts'

type Peer = Blueprint['server']['spec']['networkPolicy']['from'][number]
type Port = { readonly protocol: 'TCP'; readonly port: number; readonly endPort?: number }
export type NetworkPolicyFields = {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Record<string, string> }
    readonly policyTypes: readonly string[]
    readonly ingress: readonly { readonly from?: readonly Peer[]; readonly ports: readonly Port[] }[]
  }
}

export function networkPolicy(blueprint: Blueprint): Built<NetworkPolicyFields> | undefined {
  const { server, portReplicas } = blueprint
  const { metadata, spec } = server
  // Policies do not hold for pods in the network of their node.
  if (!spec.networkPolicy.enabled || spec.hostNetwork) return undefined
  const { from } = spec.networkPolicy
  const last = sliceOf(spec.passive, Math.max(0, portReplicas - 1)).last
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(blueprint, metadata.name),
    spec: {
      podSelector: { matchLabels: selectorLabels(metadata.name) },
      policyTypes: ['Ingress'],
      ingress: [
        {
          ...(from.length > 0 && { from }),
          ports: [
            ...containerPorts(spec).map(({ port }): Port => ({ protocol: 'TCP', port })),
            { protocol: 'TCP', port: spec.passive.firstPort, endPort: last },
          ],
        },
        ...(canRelay(spec)
          ? [
              {
                from: [{ podSelector: { matchLabels: selectorLabels(metadata.name) } }],
                ports: [{ protocol: 'TCP' as const, port: relayPort(spec) }],
              },
            ]
          : []),
        { from: monitors(blueprint), ports: [{ protocol: 'TCP', port: probesPort }] },
      ],
    },
  }
}

/** The operator, and Prometheus wherever it is. The kubelet needs no leave. */
function monitors({ operatorNamespace }: Blueprint): readonly Peer[] {
  return [
    {
      namespaceSelector:
        operatorNamespace === undefined ? {} : { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } },
      podSelector: { matchLabels: { [labelKeys.name]: operatorApplicationName } },
    },
    { namespaceSelector: {}, podSelector: { matchLabels: { [labelKeys.name]: 'prometheus' } } },
  ]
}
