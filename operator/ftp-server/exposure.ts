/** How clients reach a server: whether their address survives the way, and what address they are told. */
import type { FtpServer } from '../api/ftp-server.ts'
import type { Advertised } from '../desired/blueprint.ts'
import { type Half, portsOf, sliceOf } from '../desired/ports.ts'
import { isRelaying } from '../desired/relay.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { findLive, isIPv4, readService, type ServiceState } from '../observation/live.ts'
import type { NodeAddress, Observation, ObservedPod } from '../observation/observation.ts'
import { ownershipOf } from './ownership.ts'
import { findPortClash } from './port-clash.ts'

export type Exposure = {
  /** What is wanted; see `isHeldBack`. */
  readonly externalTrafficPolicy: 'Local' | 'Cluster'
  readonly peerCheck: 'same-address' | 'off'
  readonly bansEnabled: boolean
  readonly sourceAddress: { readonly preserved: boolean; readonly reason: string; readonly message: string }
  readonly advertised: Advertised
  /** Whether clients can be told an address, and why not. */
  readonly address: AddressState
  /** Where clients find the server: an IP address or a host name. */
  readonly clientAddress: string | undefined
  /** The same, as the cluster knows it, whatever `passive.advertisedAddress` says. */
  readonly ownAddress: string | undefined
  /** The port at which clients find a listener, by the listener's own port. */
  readonly clientPort: (port: number) => number
}

export type AddressState = {
  readonly ready: boolean
  readonly reason: string
  readonly message: string
  /** A host name that is told to clients. */
  readonly hostName: string | undefined
  /** It gets no better unless a person does something. */
  readonly isBlocked?: boolean
}

export function decideExposure(observation: Observation, portReplicas: number): Exposure {
  const { server, live } = observation
  const { spec, metadata } = server
  const found = spec.service.type === 'None' ? undefined : findLive(live, 'Service', metadata.name)
  // What is somebody else's does not lead here.
  const object = found !== undefined && ownershipOf(found, server) === 'own' ? found : undefined
  const service = object && readService(object)
  const externalTrafficPolicy = trafficPolicy(server, portReplicas)
  const sourceAddress = sourceAddressOf(server, externalTrafficPolicy, portReplicas)
  const nodePorts = mappedPorts(server, service, portReplicas)
  const automatic = (replica: number, half: Half) => automaticAddress(observation, service, replica, half)
  const withPorts = (address: string) => (nodePorts === 'pending' ? pending : address)
  const general = (replica: number, half: Half) =>
    withPorts(
      spec.passive.advertisedAddress === 'Auto' ? automatic(replica, half) : bare(spec.passive.advertisedAddress),
    )
  const clusterAddress = service?.clusterAddress
  const clusterRule = clusterClients(observation, clusterAddress, externalTrafficPolicy)
  // Not before the Service has it: a session that begins now may have the address of a node.
  const isPreserved = sourceAddress.preserved && (isAnnounced(server) || service?.externalTrafficPolicy !== 'Cluster')
  return {
    externalTrafficPolicy,
    sourceAddress,
    peerCheck: peerCheckOf(server, isPreserved),
    bansEnabled: spec.bans.mode === 'Auto' ? isPreserved : spec.bans.mode === 'Enabled',
    advertised: {
      addressOf: general,
      byNetwork: (replica, half) => [
        ...spec.passive.advertisedAddresses.map(({ clients, address }) => ({
          clients,
          address: withPorts(
            address === 'Auto'
              ? automatic(replica, half)
              : address === 'ClusterIP'
                ? inside(clusterAddress)
                : bare(address),
          ),
        })),
        ...clusterRule,
      ],
      ports: nodePorts === 'pending' ? new Map() : nodePorts,
    },
    address:
      clashState(observation, object) ??
      addressState(observation, service, nodePorts === 'pending', general(0, currentHalf(observation.pods, 0))),
    clientAddress: clientAddressOf(observation, service),
    ownAddress: ownAddressOf(observation, service),
    clientPort: port => (spec.service.type === 'NodePort' ? (service?.nodePorts.get(port) ?? port) : port),
  }
}

/**
 * Whether the Service has to wait with `Cluster`: addresses are hidden from that moment on, also those of data connections
 * of sessions that are there, and a server that still checks them would refuse those.
 */
export function isHeldBack(
  { server, live, pods }: Observation,
  { externalTrafficPolicy }: Exposure,
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
export function isHiding({ server, live }: Observation, { externalTrafficPolicy }: Exposure): boolean {
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

// The server's words: not known yet, and whatever address the control connection has here.
const pending = 'pending'
const local = 'auto'

/** With replicas that are wanted no more, but have not ended their transfers yet. */
function trafficPolicy({ spec }: FtpServer, portReplicas: number): 'Local' | 'Cluster' {
  const { externalTrafficPolicy } = spec.service
  if (externalTrafficPolicy !== 'Auto') return externalTrafficPolicy
  // The load balancer checks the health of nodes, not of ports: with `Local` a data connection for a replica on another node is lost, unless it is relayed.
  return portReplicas > 1 && !isRelaying(spec, portReplicas) ? 'Cluster' : 'Local'
}

/** Whether proxies say who the client is. */
function isAnnounced({ spec }: FtpServer): boolean {
  return spec.service.proxyProtocol.trustedNetworks.length > 0
}

function sourceAddressOf(
  server: FtpServer,
  policy: 'Local' | 'Cluster',
  portReplicas: number,
): Exposure['sourceAddress'] {
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

function peerCheckOf({ spec }: FtpServer, isPreserved: boolean): 'same-address' | 'off' {
  switch (spec.passive.peerCheck) {
    case 'SameAddress':
      return 'same-address'
    case 'Disabled':
      return 'off'
    case 'Auto':
      return isPreserved ? 'same-address' : 'off'
  }
}

/** A host name may end in a dot in the resource; PASV resolves it either way. */
function bare(address: string): string {
  return address.replace(/\.$/, '')
}

/** PASV has room for IPv4 alone; without it EPSV goes on, for which the address does not matter. */
function inside(clusterAddress: string | undefined): string {
  if (clusterAddress === undefined) return pending
  return isIPv4(clusterAddress) ? clusterAddress : local
}

function automaticAddress(
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

// ExternalDNS is resolved where the pod is, and may give another address there.
const publicFirst = ['ExternalIP', 'InternalIP', 'ExternalDNS', 'Hostname']

function nodeAddress(addresses: readonly NodeAddress[] | undefined, preference: readonly string[]): string | undefined {
  const usable = preference.flatMap(type => addresses?.filter(each => each.type === type) ?? [])
  return usable.find(({ address }) => !address.includes(':'))?.address
}

function balancerAddress(service: ServiceState | undefined): string | undefined {
  const ingress = service?.ingress ?? []
  const address = ingress.find(({ ip }) => ip !== undefined && isIPv4(ip))?.ip
  const hostname = ingress.find(each => each.hostname !== undefined)?.hostname
  if (address !== undefined) return address
  if (hostname !== undefined) return hostname
  return ingress.length > 0 ? local : undefined
}

/** Of several pods on a half, the one that stays. */
function nodeOf(pods: readonly ObservedPod[], replica: number, half: Half): string | undefined {
  const mine = pods.filter(pod => pod.replica === replica && pod.half === half && pod.node !== undefined && !pod.ended)
  return (mine.find(({ terminating }) => !terminating) ?? mine[0])?.node
}

/** The half of the pod that serves, or of any there is. */
function currentHalf(pods: readonly ObservedPod[], replica: number): Half {
  const mine = pods.filter(pod => pod.replica === replica && !pod.terminating && !pod.ended)
  return (mine.find(({ ready }) => ready) ?? mine[0])?.half ?? 'a'
}

function mappedPorts(
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
function clusterClients(
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

function clashState({ otherServices }: Observation, service: KubernetesObject | undefined): AddressState | undefined {
  const clash = service && findPortClash(service, otherServices)
  if (clash === undefined) return undefined
  const { port, address, rival } = clash
  return {
    ready: false,
    reason: 'PortTaken',
    message: `port ${port} of ${address} is that of Service ${rival} already; clients may end up there`,
    hostName: undefined,
    isBlocked: true,
  }
}

function addressState(
  { server, resolvedNames }: Observation,
  service: ServiceState | undefined,
  portsPending: boolean,
  told: string,
): AddressState {
  const { spec } = server
  const { type } = spec.service
  const not = (reason: string, message: string): AddressState => ({
    ready: false,
    reason,
    message: `${message}; until then PASV and EPSV are answered with 425`,
    hostName: undefined,
  })
  if (portsPending) return not('NodePortsPending', 'the Service has no node ports yet')
  if (told === pending) {
    if (type === 'LoadBalancer') return not('LoadBalancerPending', 'the load balancer has no address yet')
    if (type === 'NodePort') return not('NodePending', 'no pod is on a node whose address is known yet')
    return not('ServicePending', 'the Service has no address yet')
  }
  const hostName = told === local || isIPv4(told) ? undefined : told
  if (hostName !== undefined && resolvedNames.get(hostName) === false) {
    return { ...not('HostnameUnresolved', `the host name ${hostName} can’t be resolved yet`), hostName }
  }
  if (told === local && type === 'LoadBalancer' && (service?.ingress.length ?? 0) > 0 && !spec.hostNetwork) {
    return {
      ready: true,
      reason: 'OnlyIPv6',
      message: 'the load balancer has no IPv4 address: clients must use EPSV',
      hostName,
    }
  }
  if (told === local) {
    return {
      ready: true,
      reason: 'AddressOfPod',
      message: 'clients are told the address at which they have reached the server',
      hostName,
    }
  }
  return { ready: true, reason: 'Assigned', message: `clients are told ${told}`, hostName }
}

function clientAddressOf(observation: Observation, service: ServiceState | undefined): string | undefined {
  const { advertisedAddress } = observation.server.spec.passive
  return advertisedAddress === 'Auto' ? ownAddressOf(observation, service) : bare(advertisedAddress)
}

function ownAddressOf(observation: Observation, service: ServiceState | undefined): string | undefined {
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
