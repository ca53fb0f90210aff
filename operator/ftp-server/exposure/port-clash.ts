/** Two Services of load balancers can get one address, as the only one there is, and then no port of it can be that of both. */
import type { KubernetesObject } from '../../kubernetes/object.ts'
import { keyOf } from '../../kubernetes/object.ts'
import { listAt, numberAt, textAt } from '../../kubernetes/read.ts'
import { readService } from '../../observation/live.ts'

export type PortClash = {
  readonly port: number
  readonly address: string
  /** Namespace and name of the Service that was there before. */
  readonly rival: string
}

/** The first port that another, older Service has at the same address. */
export function findPortClash(service: KubernetesObject, others: readonly KubernetesObject[]): PortClash | undefined {
  const addresses = addressesOf(service)
  const ports = portsOf(service)
  for (const rival of others) {
    if (!isBefore(rival, service)) continue
    const address = addressesOf(rival).find(each => addresses.includes(each))
    if (address === undefined) continue
    const taken = new Set(portsOf(rival))
    const port = ports.find(each => taken.has(each))
    if (port !== undefined) return { port, address, rival: keyOf(rival.metadata) }
  }
  return undefined
}

function addressesOf(service: KubernetesObject): readonly string[] {
  if (textAt(service, 'spec', 'type') !== 'LoadBalancer') return []
  return readService(service).ingress.flatMap(({ ip, hostname }) => [ip, hostname].filter(each => each !== undefined))
}

function portsOf(service: KubernetesObject): readonly number[] {
  return listAt(service, 'spec', 'ports').flatMap(each => numberAt(each, 'port') ?? [])
}

/** One of two must be the one that is told so, and always the same. */
function isBefore({ metadata: one }: KubernetesObject, { metadata: other }: KubernetesObject): boolean {
  const [first, second] = [Date.parse(one.creationTimestamp ?? ''), Date.parse(other.creationTimestamp ?? '')]
  return first === second ? keyOf(one) < keyOf(other) : first < second
}
