/** Whether servers see the addresses of their clients, and how the Service has to send them for that. Pure. */
import type { FtpServer } from '../../api/ftp-server.ts'
import type { Half } from '../../desired/ports.ts'
import { isRelaying } from '../../desired/relay.ts'
import { findLive, readService } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'

export type SourceAddress = { readonly preserved: boolean; readonly reason: string; readonly message: string }

type WantedPolicy = { readonly externalTrafficPolicy: 'Local' | 'Cluster' }

/** With replicas that are wanted no more, but have not ended their transfers yet. */
export function trafficPolicy({ spec }: FtpServer, portReplicas: number): 'Local' | 'Cluster' {
  const { externalTrafficPolicy } = spec.service
  if (externalTrafficPolicy !== 'Auto') return externalTrafficPolicy
  // The load balancer checks the health of nodes, not of ports: with `Local` a data connection for a replica on another node is lost, unless it is relayed.
  return portReplicas > 1 && !isRelaying(spec, portReplicas) ? 'Cluster' : 'Local'
}

/** Whether proxies say who the client is. */
export function isAnnounced({ spec }: FtpServer): boolean {
  return spec.service.proxyProtocol.trustedNetworks.length > 0
}

export function sourceAddressOf(server: FtpServer, policy: 'Local' | 'Cluster', portReplicas: number): SourceAddress {
  const { spec } = server
  if (isAnnounced(server)) {
    return {
      preserved: true,
      reason: 'ProxyProtocol',
      message:
        'proxies in `service.proxyProtocol.trustedNetworks` say whom they speak for; from elsewhere the address of the connection counts',
    }
  }
  if (spec.hostNetwork) {
    return {
      preserved: true,
      reason: 'HostNetwork',
      message: 'pods are in the network of their node: they see the addresses of clients',
    }
  }
  const { type } = spec.service
  if (type === 'ClusterIP' || type === 'None') {
    return {
      preserved: true,
      reason: 'WithinCluster',
      message: 'clients come from within the cluster, with their own addresses',
    }
  }
  if (policy === 'Local') {
    return {
      preserved: true,
      reason: 'LocalTraffic',
      message: `externalTrafficPolicy is Local: the addresses of clients reach the server${waysOf(server, portReplicas)}`,
    }
  }
  return {
    preserved: false,
    reason: 'ClusterTraffic',
    message:
      'externalTrafficPolicy is Cluster: clients may come with the address of a node, which is what networks of users then see; limits.maxSessionsPerAddress does not hold',
  }
}

/** What becomes of data connections that come to another node than that of their replica. */
function waysOf({ spec }: FtpServer, portReplicas: number): string {
  if (portReplicas < 2) return ''
  return isRelaying(spec, portReplicas)
    ? '; data connections for another replica are relayed to it'
    : '; service.relay is Disabled: data connections that come to another node than that of their replica are lost'
}

export function peerCheckOf({ spec }: FtpServer, isPreserved: boolean): 'same-address' | 'off' {
  switch (spec.passive.peerCheck) {
    case 'SameAddress':
      return 'same-address'
    case 'Disabled':
      return 'off'
    case 'Auto':
      return isPreserved ? 'same-address' : 'off'
  }
}

/**
 * Whether the Service has to wait with `Cluster`: addresses are hidden from that moment on, also those of data connections
 * of sessions that are there, and a server that still checks them would refuse those.
 */
export function isHeldBack(
  { server, live, pods }: Observation,
  { externalTrafficPolicy }: WantedPolicy,
  hashOf: (replica: number, half: Half) => string,
): boolean {
  const service = findLive(live, 'Service', server.metadata.name)
  if (externalTrafficPolicy !== 'Cluster' || service === undefined) return false
  if (readService(service).externalTrafficPolicy !== 'Local') return false
  // Pods that don't answer, or refuse what they get, would hold it up for ever.
  return pods.some(
    ({ ready, terminating, ended, report, replica, half }) =>
      ready && !terminating && !ended && report?.problemCount === 0 && report.hash !== hashOf(replica, half),
  )
}

/** Whether the Service is `Cluster` because of several replicas, and can be `Local` only once their pods relay. */
export function isHiding({ server, live }: Observation, { externalTrafficPolicy }: WantedPolicy): boolean {
  const service = findLive(live, 'Service', server.metadata.name)
  const { externalTrafficPolicy: wanted, relay } = server.spec.service
  return (
    relay === 'Enabled' &&
    wanted === 'Auto' &&
    externalTrafficPolicy === 'Local' &&
    service !== undefined &&
    readService(service).externalTrafficPolicy === 'Cluster'
  )
}
