/** What a probe means for people: which hop fails. Pure. */
import type { Hops, Outcome, PortResult, RelayFault } from './outcome.ts'
import type { ProbeTarget } from './target.ts'

export type ProbeFinding = {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

export function findingOf(outcome: Outcome, target: ProbeTarget): ProbeFinding {
  if (outcome.kind === 'unreachable') {
    const { address, port, message } = outcome
    return {
      status: 'Unknown',
      reason: 'NotReachable',
      message: `the operator does not get to ${place(address, port)} from where it runs (${message}), so nothing is known of the passive ports`,
    }
  }
  if (outcome.kind === 'refused') {
    return {
      status: 'Unknown',
      reason: 'NotLetIn',
      message: `the probe was not let in at ${outcome.address}: ${outcome.message}`,
    }
  }
  return (
    wrongAddress(outcome, target) ??
    relayFailing(outcome) ??
    failing(outcome, target) ??
    incomplete(outcome, target) ??
    verified(outcome, target)
  )
}

type Tried = Extract<Outcome, { readonly kind: 'tried' }>
type Failure = Exclude<PortResult, { readonly kind: 'works' }>

function wrongAddress({ address, reached, pasv }: Tried, target: ProbeTarget): ProbeFinding | undefined {
  const unexpected = pasv.find(({ told }) => target.told.length > 0 && !target.told.includes(told))
  if (unexpected !== undefined) {
    const message = `PASV tells ${unexpected.told}, which is not ${target.told.join(' or ')}`
    return { status: 'False', reason: 'WrongAddress', message }
  }
  const elsewhere = pasv.find(({ told, outcome }) => told !== reached && outcome !== 'works')
  if (elsewhere === undefined) return undefined
  if (elsewhere.outcome === 'untried') {
    return {
      status: 'Unknown',
      reason: 'AddressNotReachable',
      message: `PASV tells clients ${elsewhere.told}, which the operator does not try, since ${address} stands for no such address: see passive.advertisedAddress`,
    }
  }
  const found = `PASV tells clients ${elsewhere.told}, where a passive port`
  const beside = `the server answers at ${address}`
  // A firewall may refuse to take the cluster's own connections back in: then clients fare better than the operator.
  if (elsewhere.outcome === 'timeout' || elsewhere.outcome === 'unreachable') {
    return {
      status: 'Unknown',
      reason: 'AddressNotReachable',
      message: `${found} does not answer the operator; ${beside}: either passive.advertisedAddress is wrong, or it can’t be reached from within the cluster`,
    }
  }
  return {
    status: 'False',
    reason: 'WrongAddress',
    message: `${found} ${elsewhere.outcome === 'refused' ? 'is refused' : 'does not lead to the server'}; ${beside}: see passive.advertisedAddress`,
  }
}

function relayFailing({ relayFaults }: Tried): ProbeFinding | undefined {
  if (relayFaults.length === 0) return undefined
  const parts = relayFaults.slice(0, mostKinds).map(fault => explainRelay(fault))
  const more = relayFaults.length - parts.length
  return {
    status: 'False',
    reason: 'RelayFailed',
    message: `${parts.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
  }
}

function explainRelay({ from, to, port, reason }: RelayFault): string {
  const what = `replica ${from} does not pass data connections on to replica ${to}`
  switch (reason) {
    case 'owner-refused':
      return `${what}: port ${port} of its pod is refused`
    case 'owner-silent':
      return `${what}: port ${port} of its pod is not answered, as where a network policy lets it not through`
    case 'owner-unknown':
      return `${what}: it does not know yet whose the ports are`
    case 'no-secret':
      return `${what}: it has no secret to sign with`
    case 'unsigned':
      return `${what}, which does not believe the signature: they have different secrets`
    case 'stale':
      return `${what}, which finds the signature too old: their clocks differ`
  }
}

function failing({ address, results }: Tried, target: ProbeTarget): ProbeFinding | undefined {
  const failures = results.filter((each): each is Failure => each.kind !== 'works')
  const [first] = failures
  if (first === undefined) return resumption(results, target)
  const alike = Map.groupBy(failures, failure => Object.values(explain(failure, target)).join('\n'))
  const parts = [...alike.values()].slice(0, mostKinds).map(some => {
    const { what, text } = explain(some[0] ?? first, target)
    return `${portsOf(some)} ${what} at ${address}${text === '' ? '' : `: ${text}`}`
  })
  const works = results.length - failures.length
  const left = target.ports.length - results.length
  const rest = [
    ...(works > 0 ? [`${works} others work`] : []),
    ...(left > 0 ? [`${left} were not tried after that`] : []),
  ]
  return {
    status: 'False',
    reason: explain(first, target).reason,
    message: [...parts, ...rest].join('; '),
  }
}

const mostKinds = 4
const mostPorts = 8

function portsOf(results: readonly Failure[]): string {
  const ports = results.map(({ outside }) => String(outside))
  if (ports.length === 1) return `port ${ports[0]}`
  const shown = ports.slice(0, mostPorts)
  const more = ports.length - shown.length
  return `ports ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

type Explanation = { readonly reason: string; readonly what: string; readonly text: string }

function explain(failure: Failure, target: ProbeTarget): Explanation {
  switch (failure.kind) {
    case 'refused':
      return { reason: 'PortRefused', what: 'refused', text: hop(failure, target) }
    case 'timeout':
      return { reason: 'PortFiltered', what: 'not answered', text: hop(failure, target) }
    case 'unreachable':
      return { reason: 'PortUnreachable', what: 'not to be reached', text: hop(failure, target) }
    case 'lost':
      return {
        reason: 'DataElsewhere',
        what: 'taken',
        text: 'the server does not see the connection: it leads to another replica, or to something else',
      }
    case 'tls':
      return { reason: 'DataTLSFailed', what: 'without TLS', text: 'the handshake on the data connection failed' }
    case 'not-resumed':
      return {
        reason: 'TLSNotResumed',
        what: 'given up',
        text: 'the TLS session of the control connection was not resumed',
      }
    case 'empty':
      return { reason: 'NoData', what: 'silent', text: 'the connection was made, and no byte came' }
    case 'unknown-port':
      return { reason: 'UnknownPort', what: 'given out', text: 'it is none of the ports of the pods' }
  }
}

/** Between which two the connection is lost: the nearest that answers, and the next one outwards. */
function hop(
  { kind, port, hops }: Failure & { readonly kind: 'refused' | 'timeout' | 'unreachable'; readonly hops: Hops },
  { way, servicePorts }: ProbeTarget,
): string {
  if (servicePorts !== undefined && !servicePorts.includes(port)) return 'the Service has no such port'
  const { pod, service } = hops
  if (pod === 'refused') return 'the pod itself refuses it'
  if (pod === 'timeout')
    return 'the pod does not answer there either: a network policy, or no way from the operator to pods'
  if (pod === 'open' && service !== undefined && service !== 'open') {
    return 'the pod answers, and the Service does not lead there: its endpoints, or the rules of the nodes'
  }
  if (pod !== 'open') return ''
  const within = service === 'open' ? 'the Service answers within the cluster, and' : 'the pod answers, and'
  if (kind === 'timeout') return `${within} ${filters[way]}`
  return `${within} ${refusers[way]}`
}

const filters = {
  'load-balancer': 'the load balancer or a firewall before it lets nothing through',
  'node-ports': 'a firewall before the node lets nothing through',
  node: 'a firewall before the node lets nothing through',
  cluster: 'something between lets nothing through',
} as const

const refusers = {
  'load-balancer': 'the load balancer has no listener for it',
  'node-ports': 'the node has no such port open',
  node: 'the node refuses it',
  cluster: 'something between refuses it',
} as const

function resumption(results: readonly PortResult[], { resumption: wanted }: ProbeTarget): ProbeFinding | undefined {
  const fresh = results.filter(each => each.kind === 'works' && each.resumed === false)
  if (wanted === 'optional' || fresh.length === 0) return undefined
  return {
    status: 'False',
    reason: 'TLSNotResumed',
    message: `data connections of ${fresh.length} of ${results.length} passive ports do not resume the TLS session: something between ends TLS itself`,
  }
}

function incomplete({ address, missed, results }: Tried, target: ProbeTarget): ProbeFinding | undefined {
  const left = target.ports.length - results.length
  if (missed.length === 0 && left <= 0) return undefined
  const what =
    missed.length > 0
      ? `no connection to ${address} came to ${missed.length === 1 ? 'replica' : 'replicas'} ${missed.join(', ')}`
      : `${left} passive ports were in use all the time`
  return {
    status: 'Unknown',
    reason: 'NotAllTried',
    message: `${results.length} passive ports carry data, and ${what}`,
  }
}

function verified({ address, results }: Tried, { way, ports, tls }: ProbeTarget): ProbeFinding {
  const replicas = new Set(ports.map(({ replica }) => replica)).size
  const resumed = tls !== 'none' && results.every(each => each.kind === 'works' && each.resumed === true)
  const over = `${results.length} passive ports of ${replicas} ${replicas === 1 ? 'replica' : 'replicas'} carry data at ${address}`
  // Nodes take what is for the address of a load balancer to the pods themselves, unless the address is a name.
  const past =
    way === 'load-balancer' && /^[\d.]+$|:/.test(address)
      ? '; as seen from within the cluster, where nodes may take connections past the load balancer'
      : ''
  return {
    status: 'True',
    reason: 'Verified',
    message: `${over}${tls === 'none' ? '' : resumed ? ', with TLS and its session resumed' : ', with TLS'}${past}`,
  }
}

function place(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
