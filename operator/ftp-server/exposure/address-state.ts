/** Whether clients can be told an address, and why not. Pure. */
import type { KubernetesObject } from '../../kubernetes/object.ts'
import { isIPv4, type ServiceState } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'
import { local, pending } from './advertised-address.ts'
import { findPortClash } from './port-clash.ts'

export type AddressState = {
  readonly ready: boolean
  readonly reason: string
  readonly message: string
  /** A host name that is told to clients. */
  readonly hostName: string | undefined
  /** It gets no better unless a person does something. */
  readonly isBlocked?: boolean
}

export function addressState(
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

export function clashState(
  { otherServices }: Observation,
  service: KubernetesObject | undefined,
): AddressState | undefined {
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
