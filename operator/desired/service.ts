/** The Service: one address for all replicas, which takes each data connection to the pod that waits for it. */
import type { V1Service, V1ServicePort } from '@kubernetes/client-node'
import type { Blueprint } from './blueprint.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { passivePortName, selectorLabels } from './names.ts'
import { portsOf, sliceOf } from './ports.ts'

export function service(blueprint: Blueprint): Built<V1Service> | undefined {
  const { metadata, spec } = blueprint.server
  const { type, annotations, labels, ipFamilyPolicy, ipFamilies } = spec.service
  if (type === 'None') return undefined
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(blueprint, metadata.name, { annotations, labels }),
    spec: {
      type,
      selector: selectorLabels(metadata.name),
      ports: [...listenerPorts(blueprint), ...passivePorts(blueprint)],
      ...(type !== 'ClusterIP' && { externalTrafficPolicy: blueprint.externalTrafficPolicy }),
      ...(type === 'LoadBalancer' && loadBalancerFields(spec.service)),
      ...(ipFamilyPolicy !== undefined && { ipFamilyPolicy }),
      ...(ipFamilies !== undefined && { ipFamilies: [...ipFamilies] }),
    },
  }
}

function listenerPorts({ server }: Blueprint): V1ServicePort[] {
  return server.spec.listeners.map(({ name, port, nodePort }) => ({
    name,
    port,
    protocol: 'TCP',
    targetPort: name,
    ...(nodePort !== undefined && { nodePort }),
  }))
}

// Kubernetes resolves a name in each pod anew, and leaves out those that have no port of that name; a number is any pod's.
function passivePorts({ server, portReplicas, relay }: Blueprint): V1ServicePort[] {
  const slices = Array.from({ length: portReplicas }, (_, replica) => portsOf(sliceOf(server.spec.passive, replica)))
  return slices.flat().map(port => ({
    name: passivePortName(port),
    port,
    protocol: 'TCP',
    targetPort: relay === 'on' ? port : passivePortName(port),
  }))
}

function loadBalancerFields({
  loadBalancerClass,
  loadBalancerSourceRanges,
  allocateLoadBalancerNodePorts,
}: Blueprint['server']['spec']['service']) {
  return {
    ...(loadBalancerClass !== undefined && { loadBalancerClass }),
    ...(loadBalancerSourceRanges !== undefined && { loadBalancerSourceRanges: loadBalancerSourceRanges.map(asRange) }),
    ...(allocateLoadBalancerNodePorts !== undefined && { allocateLoadBalancerNodePorts }),
  }
}

/** A Service takes nothing but CIDR notation. */
function asRange(network: string): string {
  if (network.includes('/')) return network
  return `${network}/${network.includes(':') ? 128 : 32}`
}
