/** How clients reach a server: whether their address survives the way, and what address they are told. */
import type { Advertised } from '../../desired/blueprint.ts'
import type { Half } from '../../desired/ports.ts'
import { findLive, readService } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'
import { ownershipOf } from '../ownership.ts'
import { type AddressState, addressState, clashState } from './address-state.ts'
import { automaticAddress, clusterClients, inside, mappedPorts, pending } from './advertised-address.ts'
import { bare, clientAddressOf, currentHalf, ownAddressOf } from './client-address.ts'
import { isAnnounced, peerCheckOf, type SourceAddress, sourceAddressOf, trafficPolicy } from './source-address.ts'

export type Exposure = {
  /** What is wanted; see `isHeldBack`. */
  readonly externalTrafficPolicy: 'Local' | 'Cluster'
  readonly peerCheck: 'same-address' | 'off'
  readonly bansEnabled: boolean
  readonly sourceAddress: SourceAddress
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
