/** What address and ports clients are told for passive connections. Pure. */
import type { FtpServer } from '../../api/ftp-server.ts'
import { type Half, portsOf, sliceOf } from '../../desired/ports.ts'
import { isIPv4, type ServiceState } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'
import { nodeAddress, nodeOf, publicFirst } from './client-address.ts'

// The server's words: not known yet, and whatever address the control connection has here.
export const pending = 'pending'
export const local = 'auto'

/** PASV has room for IPv4 alone; without it EPSV goes on, for which the address does not matter. */
export function inside(clusterAddress: string | undefined): string {
  if (clusterAddress === undefined) return pending
  return isIPv4(clusterAddress) ? clusterAddress : local
}

export function automaticAddress(
  { server, pods, nodes }: Observation,
  service: ServiceState | undefined,
  replica: number,
  half: Half,
): string {
  const { spec } = server
  const node = nodes.get(nodeOf(pods, replica, half) ?? '')
  // Whoever reaches a node by one of its own addresses is told that very address.
  if (spec.hostNetwork) return nodeAddress(node, ['ExternalIP']) ?? local
  switch (spec.service.type) {
    case 'LoadBalancer':
      return balancerAddress(service) ?? pending
    case 'NodePort':
      return nodeAddress(node, publicFirst) ?? pending
    case 'ClusterIP':
      return inside(service?.clusterAddress)
    case 'None':
      return local
  }
}

export function mappedPorts(
  { spec }: FtpServer,
  service: ServiceState | undefined,
  portReplicas: number,
): ReadonlyMap<number, number> | 'pending' {
  if (spec.service.type !== 'NodePort' || spec.hostNetwork) return new Map()
  const mapped = new Map<number, number>()
  for (let replica = 0; replica < portReplicas; replica += 1) {
    for (const port of portsOf(sliceOf(spec.passive, replica))) {
      const nodePort = service?.nodePorts.get(port)
      // A port that is not there yet is that of a replica that is about to come; what is there may be used.
      if (nodePort !== undefined) mapped.set(port, nodePort)
      else if (replica === 0) return pending
    }
  }
  return mapped
}

/**
 * Clients within the cluster are spared the way through the load balancer. Not where addresses are hidden: clients from
 * outside come with addresses of nodes then, which may lie in the networks of the pods.
 */
export function clusterClients(
  { server, operator }: Observation,
  clusterAddress: string | undefined,
  policy: 'Local' | 'Cluster',
) {
  const { spec } = server
  const { clusterNetworks } = operator
  if (spec.service.type !== 'LoadBalancer' || policy !== 'Local' || spec.hostNetwork) return []
  if (clusterNetworks.length === 0 || clusterAddress === undefined || !isIPv4(clusterAddress)) return []
  return [{ clients: clusterNetworks, address: clusterAddress }]
}

function balancerAddress(service: ServiceState | undefined): string | undefined {
  const ingress = service?.ingress ?? []
  const address = ingress.find(({ ip }) => ip !== undefined && isIPv4(ip))?.ip
  const hostname = ingress.find(each => each.hostname !== undefined)?.hostname
  if (address !== undefined) return address
  if (hostname !== undefined) return hostname
  return ingress.length > 0 ? local : undefined
}
