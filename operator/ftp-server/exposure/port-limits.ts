/** How many ports the load balancer of a cloud takes: known before the cloud refuses them, which it may do without a word. Pure. */
import type { FtpServerSpec } from '../../api/ftp-server.ts'
import type { Observation } from '../../observation/observation.ts'

export type PortLimits = {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

type Balancer = {
  readonly name: string
  /** Ports of one Service. */
  readonly ports: number
  /** What the limit is, in the cloud's words. */
  readonly limit: string
  /** Where a Service that is above may still fit, because the limit can be raised or is one of all Services together. */
  readonly isFirm: boolean
}

const network: Balancer = {
  name: 'a Network Load Balancer of AWS',
  // docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html, "Quotas for your Network Load
  // Balancers": listeners are not adjustable.
  ports: 50,
  limit: '50 listeners, which AWS does not raise',
  isFirm: true,
}
const classic: Balancer = {
  name: 'a Classic Load Balancer of AWS',
  // docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-limits.html, "Quotas for your Classic Load Balancer":
  // listeners are adjustable.
  ports: 100,
  limit: '100 listeners, unless AWS has raised the quota',
  isFirm: false,
}
const azure: Balancer = {
  name: 'a load balancer of Azure',
  // learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits, "Rules per NIC"; and
  // cloud-provider-azure.sigs.k8s.io/topics/multislb, "Multiple Standard LoadBalancers": each port of each Service is one.
  ports: 300,
  limit: '300 rules for the network interface of a node, all Services of the cluster together',
  isFirm: true,
}
const google: Balancer = {
  name: 'a passthrough load balancer of GKE',
  // docs.cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer-parameters, "LoadBalancer Service
  // parameters".
  ports: 100,
  limit: '100 ports of a Service',
  isFirm: true,
}

export function portLimits({ server, provider }: Observation, ports: number): PortLimits {
  const { service } = server.spec
  if (service.type !== 'LoadBalancer') {
    return { status: 'True', reason: 'NoLoadBalancer', message: 'there is no load balancer that could have too few' }
  }
  const balancer = balancerOf(service, provider)
  if (balancer === undefined) {
    return {
      status: 'Unknown',
      reason: 'LoadBalancerUnknown',
      message: `the Service has ${ports} ports; how many this load balancer takes is not known`,
    }
  }
  const { name, limit, isFirm } = balancer
  if (ports <= balancer.ports) {
    return { status: 'True', reason: 'WithinLimits', message: `the Service has ${ports} ports; ${name} takes ${limit}` }
  }
  return {
    status: isFirm ? 'False' : 'Unknown',
    reason: 'TooManyPorts',
    message: `the Service has ${ports} ports; ${name} takes ${limit}: have fewer replicas, or a server with fewer \`passive.portsPerReplica\``,
  }
}

/** Kinds that `spec.loadBalancerClass` or annotations name come before what the nodes tell. */
function balancerOf(
  { loadBalancerClass, annotations = {} }: FtpServerSpec['service'],
  provider: string | undefined,
): Balancer | undefined {
  if (loadBalancerClass !== undefined) {
    // Of another class is somebody else's.
    if (/^(service\.k8s\.aws|eks\.amazonaws\.com)\/nlb$/.test(loadBalancerClass)) return network
    return loadBalancerClass.startsWith('networking.gke.io/') ? google : undefined
  }
  const aws = annotations['service.beta.kubernetes.io/aws-load-balancer-type']
  if (aws !== undefined) return aws === 'external' || aws.startsWith('nlb') ? network : classic
  const has = (prefix: string) => Object.keys(annotations).some(key => key.startsWith(prefix))
  if (has('metallb.')) return undefined
  if (has('service.beta.kubernetes.io/azure-')) return azure
  if (has('networking.gke.io/') || has('cloud.google.com/')) return google
  return byProvider.get(provider ?? '')
}

/** What a Service without a class gets, by the scheme of the `providerID` of nodes. */
const byProvider: ReadonlyMap<string, Balancer> = new Map([
  ['aws', classic],
  ['azure', azure],
  ['gce', google],
])
