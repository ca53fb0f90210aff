/** What a NetworkPolicy lets through, by the rules of Kubernetes: for machines whose network does not enforce any. */
import { BlockList, isIPv6 } from 'node:net'
import { at, listAt, numberAt, recordAt, textAt, textsAt } from '../../operator/kubernetes/read.ts'

/** Who connects: an address from outside of the cluster, or a pod with its labels and those of its namespace. */
export type NetworkPeer =
  | { readonly address: string }
  | { readonly namespace: Readonly<Record<string, string>>; readonly labels: Readonly<Record<string, string>> }

/** Whether a pod that the policy selects can be reached at a TCP port by somebody from another namespace. */
export function mayReach(policy: unknown, peer: NetworkPeer, port: number): boolean {
  if (!textsAt(policy, 'spec', 'policyTypes').includes('Ingress')) return true
  return listAt(policy, 'spec', 'ingress').some(rule => isAmongPorts(rule, port) && isAmongPeers(rule, peer))
}

function isAmongPorts(rule: unknown, port: number): boolean {
  const ports = listAt(rule, 'ports')
  return (
    ports.length === 0 ||
    ports.some(each => {
      const first = numberAt(each, 'port') ?? 0
      return textAt(each, 'protocol') === 'TCP' && first <= port && port <= (numberAt(each, 'endPort') ?? first)
    })
  )
}

function isAmongPeers(rule: unknown, peer: NetworkPeer): boolean {
  const from = listAt(rule, 'from')
  return from.length === 0 || from.some(each => ('address' in peer ? hasAddress(each, peer) : hasLabels(each, peer)))
}

function hasAddress(entry: unknown, { address }: { readonly address: string }): boolean {
  const cidr = textAt(entry, 'ipBlock', 'cidr')
  const excepted = textsAt(entry, 'ipBlock', 'except')
  return cidr !== undefined && isWithin(address, [cidr]) && !isWithin(address, excepted)
}

function isWithin(address: string, networks: readonly string[]): boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [start = '', bits] = network.split('/')
    list.addSubnet(start, Number(bits), isIPv6(start) ? 'ipv6' : 'ipv4')
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** A selector that is left out takes all: of namespaces only where there is one of pods, and then the policy's own. */
function hasLabels(entry: unknown, peer: Exclude<NetworkPeer, { readonly address: string }>): boolean {
  if (at(entry, 'ipBlock') !== undefined || at(entry, 'namespaceSelector') === undefined) return false
  return (
    hasAll(peer.namespace, recordAt(entry, 'namespaceSelector', 'matchLabels')) &&
    hasAll(peer.labels, recordAt(entry, 'podSelector', 'matchLabels'))
  )
}

function hasAll(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value)
}
