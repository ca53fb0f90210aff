/** Where clients find a server, as the cluster knows it. Pure. */
import type { Half } from '../../desired/ports.ts'
import type { ServiceState } from '../../observation/live.ts'
import type { NodeAddress, Observation, ObservedPod } from '../../observation/observation.ts'

export function clientAddressOf(observation: Observation, service: ServiceState | undefined): string | undefined {
  const { advertisedAddress } = observation.server.spec.passive
  return advertisedAddress === 'Auto' ? ownAddressOf(observation, service) : bare(advertisedAddress)
}

export function ownAddressOf(observation: Observation, service: ServiceState | undefined): string | undefined {
  const { server, pods, nodes } = observation
  const { spec } = server
  const node = nodes.get(nodeOf(pods, 0, currentHalf(pods, 0)) ?? '')
  if (spec.hostNetwork) return nodeAddress(node, publicFirst)
  switch (spec.service.type) {
    case 'LoadBalancer':
      return service?.ingress.map(({ ip, hostname }) => ip ?? hostname).find(each => each !== undefined)
    case 'NodePort':
      return nodeAddress(node, publicFirst)
    case 'ClusterIP':
      return service?.clusterAddress
    case 'None':
      return undefined
  }
}

// ExternalDNS is resolved where the pod is, and may give another address there.
export const publicFirst = ['ExternalIP', 'InternalIP', 'ExternalDNS', 'Hostname']

export function nodeAddress(
  addresses: readonly NodeAddress[] | undefined,
  preference: readonly string[],
): string | undefined {
  const usable = preference.flatMap(type => addresses?.filter(each => each.type === type) ?? [])
  return usable.find(({ address }) => !address.includes(':'))?.address
}

/** Of several pods on a half, the one that stays. */
export function nodeOf(pods: readonly ObservedPod[], replica: number, half: Half): string | undefined {
  const mine = pods.filter(pod => pod.replica === replica && pod.half === half && pod.node !== undefined && !pod.ended)
  return (mine.find(({ terminating }) => !terminating) ?? mine[0])?.node
}

/** The half of the pod that serves, or of any there is. */
export function currentHalf(pods: readonly ObservedPod[], replica: number): Half {
  const mine = pods.filter(pod => pod.replica === replica && !pod.terminating && !pod.ended)
  return (mine.find(({ ready }) => ready) ?? mine[0])?.half ?? 'a'
}

/** A host name may end in a dot in the resource; PASV resolves it either way. */
export function bare(address: string): string {
  return address.replace(/\.$/, '')
}
