/** The probe against servers that relay to each other, and what is between them broken in each way. */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Credential, makeCredential } from '../../operator/passive-probe/credential.ts'
import { findingOf } from '../../operator/passive-probe/finding.ts'
import { probe } from '../../operator/passive-probe/probe.ts'
import type { ProbeTarget } from '../../operator/passive-probe/target.ts'
import { metric } from '../support/relayed.ts'
import { freePort, startServer, type TestServer } from '../support/server.ts'

const never = new AbortController().signal
const anywhere = () => false
const secrets = ['the first secret, of thirty-two characters', 'another secret, of thirty-two characters']

let credential: Credential
beforeAll(async () => {
  credential = await makeCredential()
})

type Pod = { readonly address: string; readonly first: number; readonly secret: string | undefined }
type Ports = { readonly control: number; readonly probes: number; readonly handover: number }

/** One of two, at the same ports of different addresses, as pods have them. */
async function serve(pod: Pod, other: Pod, ports: Ports, reachedAt = ports.handover): Promise<TestServer> {
  const { address, first, secret = secrets[0] } = pod
  const server = await startServer({
    address,
    files: { 'users/00-0probe.yaml': credential.list.toString(), 'relay/secrets': `${secret}` },
    server: {
      listeners: [{ name: 'ftp', port: ports.control, addresses: [address] }],
      probes: { port: ports.probes, addresses: [address], user: 'ftp-operator-probe' },
      passive: { ports: { first, last: first + 2 } },
      relay: {
        secretFile: 'relay/secrets',
        addresses: [address],
        port: ports.handover,
        connectTimeoutSeconds: 1,
        ports: [{ first: other.first, last: other.first + 2, peer: { address: other.address, port: reachedAt } }],
      },
    },
  })
  onTestFinished(() => server.stop())
  return server
}

type Broken = { readonly secret?: string; readonly reachedAt?: number }

/** The Service leads to the first for the ports of both. */
async function probed({ secret, reachedAt }: Broken, firstPort: number, tls: 'none' | 'explicit') {
  const one: Pod = { address: '127.0.0.1', first: firstPort, secret: undefined }
  const two: Pod = { address: '127.0.0.2', first: firstPort + 3, secret }
  const [control, probes, handover] = [
    await freePort('127.0.0.1'),
    await freePort('127.0.0.1'),
    await freePort('127.0.0.1'),
  ]
  const ports = { control, probes, handover }
  const servers = [await serve(one, two, ports, reachedAt), await serve(two, one, ports)]
  const target: ProbeTarget = {
    addresses: [one.address],
    port: control,
    tls,
    fingerprint: undefined,
    told: [],
    ports: [one, two].flatMap(({ address, first }, replica) =>
      [0, 1, 2].map(index => ({ port: first + index, outside: first + index, replica, podAddress: address })),
    ),
    clusterAddress: one.address,
    way: 'cluster',
    relay: { controlPort: control, handoverPort: handover, metricsPort: probes },
    servicePorts: undefined,
    resumption: 'optional',
    digest: '',
  }
  const outcome = await probe(target, credential, never, anywhere)
  const { status, reason, message } = findingOf(outcome, target)
  const relayed = await Promise.all(
    servers.map((server, index) =>
      metric(server, index === 0 ? one.address : two.address, 'ftp_relays_total', 'complete'),
    ),
  )
  return { outcome, finding: `${status} ${reason}: ${message}`, relayed }
}

describe.each(['none', 'explicit'] as const)('two servers that relay, TLS: %s', tls => {
  const first = tls === 'none' ? 32_520 : 32_550

  test('and can: nothing is wrong between them', async () => {
    const { outcome, finding, relayed } = await probed({}, first, tls)
    expect(outcome).toMatchObject({ kind: 'tried', relayFaults: [] })
    // All sessions are with the first: of the second nothing else is known.
    expect(finding).toMatch(/^Unknown NotAllTried: .*no connection to 127\.0\.0\.1 came to replica 1$/)
    expect(relayed).toEqual([1, 1])
  })

  test('and have different secrets', async () => {
    const { finding } = await probed({ secret: `${secrets[1]}` }, first + 10, tls)
    expect(finding).toBe(
      'False RelayFailed: replica 0 does not pass data connections on to replica 1, which does not believe the signature: they have different secrets; replica 1 does not pass data connections on to replica 0, which does not believe the signature: they have different secrets',
    )
  })

  test('and one of which does not get to the other', async () => {
    const closed = await freePort('127.0.0.2')
    const { finding } = await probed({ reachedAt: closed }, first + 20, tls)
    expect(finding).toMatch(
      /^False RelayFailed: replica 0 does not pass data connections on to replica 1: port \d+ of its pod is refused$/,
    )
  })
})
