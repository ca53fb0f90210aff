import { expect, test } from 'vitest'
import { findingOf } from './finding.ts'
import type { Hops, Outcome, PortResult } from './outcome.ts'
import type { ProbeTarget } from './target.ts'

const target: ProbeTarget = {
  addresses: ['203.0.113.7'],
  port: 21,
  tls: 'explicit',
  fingerprint: undefined,
  told: ['203.0.113.7'],
  ports: [30_000, 30_001, 30_002, 30_003].map((port, index) => ({
    port,
    outside: port,
    replica: index < 2 ? 0 : 1,
    podAddress: '10.0.0.1',
  })),
  clusterAddress: '10.96.0.7',
  way: 'load-balancer',
  relay: undefined,
  servicePorts: [21, 30_000, 30_001, 30_002, 30_003],
  resumption: 'expected',
  digest: 'digest',
}

const open: Hops = { pod: 'open', service: 'open' }
const works = (port: number, resumed: boolean | undefined = true): PortResult => ({
  port,
  outside: port,
  kind: 'works',
  resumed,
})
const all = target.ports.map(({ port }) => works(port))

function tried(results: readonly PortResult[], rest: Partial<Extract<Outcome, { kind: 'tried' }>> = {}): Outcome {
  const others = all.filter(({ port }) => !results.some(each => each.port === port))
  return {
    kind: 'tried',
    address: '203.0.113.7',
    reached: '203.0.113.7',
    pasv: [{ told: '203.0.113.7', outcome: 'works' }],
    missed: [],
    relayFaults: [],
    results: [...results, ...others].toSorted((one, other) => one.port - other.port),
    ...rest,
  }
}

const failed = (kind: 'refused' | 'timeout' | 'unreachable', hops: Hops = open, port = 30_002): PortResult => ({
  port,
  outside: port,
  kind,
  hops,
})

type Row = readonly [what: string, outcome: Outcome, finding: string, target?: Partial<ProbeTarget>]
const nowhere = { kind: 'unreachable', address: '203.0.113.7', port: 21, message: 'no answer' } as const

const rows: readonly Row[] = [
  [
    'all ports work',
    tried([]),
    'True Verified: 4 passive ports of 2 replicas carry data at 203.0.113.7, with TLS and its session resumed; as seen from within the cluster, where nodes may take connections past the load balancer',
  ],
  [
    'behind the name of a load balancer nothing is taken past it',
    tried([], { address: 'lb.example.com' }),
    'True Verified: 4 passive ports of 2 replicas carry data at lb.example.com, with TLS and its session resumed',
  ],
  [
    'without TLS',
    tried(all.map(({ port }) => works(port, undefined))),
    'True Verified: 4 passive ports of 2 replicas carry data at 203.0.113.7',
    { tls: 'none', way: 'node-ports' },
  ],
  [
    'the control connection is not to be had',
    nowhere,
    'Unknown NotReachable: the operator does not get to 203.0.113.7:21 from where it runs (no answer), so nothing is known of the passive ports',
  ],
  [
    'the probe is not let in',
    { kind: 'refused', address: '203.0.113.7', message: 'the login is answered with 530' },
    'Unknown NotLetIn: the probe was not let in at 203.0.113.7: the login is answered with 530',
  ],
  [
    'the load balancer lacks a listener',
    tried([failed('refused')]),
    'False PortRefused: port 30002 refused at 203.0.113.7: the Service answers within the cluster, and the load balancer has no listener for it; 3 others work',
  ],
  [
    'pods that have different secrets: what it does to data connections hangs on where they come to',
    tried([{ port: 30_002, outside: 30_002, kind: 'tls' }], {
      relayFaults: [
        { from: 0, to: 1, port: 2137, reason: 'unsigned' },
        { from: 1, to: 0, port: 2137, reason: 'owner-silent' },
      ],
    }),
    'False RelayFailed: replica 0 does not pass data connections on to replica 1, which does not believe the signature: they have different secrets; replica 1 does not pass data connections on to replica 0: port 2137 of its pod is not answered, as where a network policy lets it not through',
  ],
  [
    'many pods that can’t get to each other',
    tried([], {
      relayFaults: [0, 1, 2, 3, 4, 5].map(from => ({ from, to: (from + 1) % 6, port: 2137, reason: 'owner-refused' })),
    }),
    'False RelayFailed: replica 0 does not pass data connections on to replica 1: port 2137 of its pod is refused; replica 1 does not pass data connections on to replica 2: port 2137 of its pod is refused; replica 2 does not pass data connections on to replica 3: port 2137 of its pod is refused; replica 3 does not pass data connections on to replica 4: port 2137 of its pod is refused; and 2 more',
  ],
  [
    'a firewall',
    tried([failed('timeout')]),
    'False PortFiltered: port 30002 not answered at 203.0.113.7: the Service answers within the cluster, and the load balancer or a firewall before it lets nothing through; 3 others work',
  ],
  [
    'a node without the node port',
    tried([{ ...failed('refused'), outside: 31_877 }]),
    'False PortRefused: port 31877 refused at 203.0.113.7: the Service answers within the cluster, and the node has no such port open; 3 others work',
    { way: 'node-ports' },
  ],
  [
    'the Service does not lead to the pod',
    tried([failed('refused', { pod: 'open', service: 'refused' })]),
    'False PortRefused: port 30002 refused at 203.0.113.7: the pod answers, and the Service does not lead there: its endpoints, or the rules of the nodes; 3 others work',
  ],
  [
    'the Service has lost the port',
    tried([failed('refused', { pod: 'open', service: 'refused' })]),
    'False PortRefused: port 30002 refused at 203.0.113.7: the Service has no such port; 3 others work',
    { servicePorts: [21, 30_000, 30_001, 30_003] },
  ],
  [
    'the pod refuses',
    tried([failed('refused', { pod: 'refused', service: 'refused' })]),
    'False PortRefused: port 30002 refused at 203.0.113.7: the pod itself refuses it; 3 others work',
  ],
  [
    'a network policy',
    tried([failed('timeout', { pod: 'timeout', service: 'timeout' })]),
    'False PortFiltered: port 30002 not answered at 203.0.113.7: the pod does not answer there either: a network policy, or no way from the operator to pods; 3 others work',
  ],
  [
    'nothing nearer could be tried',
    tried([failed('unreachable', { pod: undefined, service: undefined })]),
    'False PortUnreachable: port 30002 not to be reached at 203.0.113.7; 3 others work',
  ],
  [
    'ports that fail alike are told together, and what was not tried is told',
    tried([], { results: [failed('refused', open, 30_000), failed('refused', open, 30_001)] }),
    'False PortRefused: ports 30000, 30001 refused at 203.0.113.7: the Service answers within the cluster, and the load balancer has no listener for it; 2 were not tried after that',
  ],
  [
    'those that fail in other ways are told apart',
    tried([failed('refused', open, 30_000), { port: 30_001, outside: 30_001, kind: 'lost' }]),
    'False PortRefused: port 30000 refused at 203.0.113.7: the Service answers within the cluster, and the load balancer has no listener for it; port 30001 taken at 203.0.113.7: the server does not see the connection: it leads to another replica, or to something else; 2 others work',
  ],
  [
    'the server demands that the TLS session is resumed',
    tried([{ port: 30_000, outside: 30_000, kind: 'not-resumed' }]),
    'False TLSNotResumed: port 30000 given up at 203.0.113.7: the TLS session of the control connection was not resumed; 3 others work',
  ],
  [
    'nothing is resumed though the server is as good',
    tried(all.map(({ port }) => works(port, false))),
    'False TLSNotResumed: data connections of 4 of 4 passive ports do not resume the TLS session: something between ends TLS itself',
  ],
  [
    'nobody wants it resumed',
    tried(all.map(({ port }) => works(port, false))),
    'True Verified: 4 passive ports of 2 replicas carry data at 203.0.113.7, with TLS; as seen from within the cluster, where nodes may take connections past the load balancer',
    { resumption: 'optional' },
  ],
  [
    'PASV tells another address than it should',
    tried([], { pasv: [{ told: '192.0.2.9', outcome: 'works' }] }),
    'False WrongAddress: PASV tells 192.0.2.9, which is not 203.0.113.7',
  ],
  [
    'PASV tells the address that a person has written, where nothing listens',
    tried([], { pasv: [{ told: '192.0.2.9', outcome: 'refused' }] }),
    'False WrongAddress: PASV tells clients 192.0.2.9, where a passive port is refused; the server answers at 203.0.113.7: see passive.advertisedAddress',
    { told: ['192.0.2.9'] },
  ],
  [
    'that may be an address which the cluster can’t reach itself',
    tried([], { pasv: [{ told: '192.0.2.9', outcome: 'timeout' }] }),
    'Unknown AddressNotReachable: PASV tells clients 192.0.2.9, where a passive port does not answer the operator; the server answers at 203.0.113.7: either passive.advertisedAddress is wrong, or it can’t be reached from within the cluster',
    { told: ['192.0.2.9'] },
  ],
  [
    'clients within the cluster are told its address there',
    tried([], { pasv: [{ told: '10.96.0.7', outcome: 'works' }] }),
    'True Verified: 4 passive ports of 2 replicas carry data at 203.0.113.7, with TLS and its session resumed; as seen from within the cluster, where nodes may take connections past the load balancer',
    { told: ['203.0.113.7', '10.96.0.7'] },
  ],
  [
    'a replica that was never met',
    tried([], { results: all.slice(0, 2), missed: [1] }),
    'Unknown NotAllTried: 2 passive ports carry data, and no connection to 203.0.113.7 came to replica 1',
  ],
  [
    'ports that others had all the time',
    tried([], { results: all.slice(0, 3) }),
    'Unknown NotAllTried: 3 passive ports carry data, and 1 passive ports were in use all the time',
  ],
]

test.each(rows.map(([what, outcome, expected, changes = {}]) => ({ what, outcome, expected, changes })))(
  '$what',
  ({ outcome, expected, changes }) => {
    const { status, reason, message } = findingOf(outcome, { ...target, ...changes })
    expect(`${status} ${reason}: ${message}`).toBe(expected)
  },
)
