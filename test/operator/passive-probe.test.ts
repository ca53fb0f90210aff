/** The probe against a real server, and what is between broken in each way. */
import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Credential, makeCredential } from '../../operator/passive-probe/credential.ts'
import { findingOf } from '../../operator/passive-probe/finding.ts'
import { probe } from '../../operator/passive-probe/probe.ts'
import type { ProbeTarget } from '../../operator/passive-probe/target.ts'
import { freePort, startServer, type TestServer, type TestServerOptions } from '../support/server.ts'

const never = new AbortController().signal
/** Where clients come in; the server itself is at 127.0.0.1. */
const outside = '127.0.0.9'

let credential: Credential
beforeAll(async () => {
  credential = await makeCredential()
})

type Front = { readonly open: (port: number) => Promise<void>; readonly close: (port: number) => void }

/** What passes connections on, port by port, as a load balancer does. */
function front(): Front {
  const servers = new Map<number, Server>()
  const sockets = new Set<Socket>()
  const close = (port: number) => {
    servers.get(port)?.close()
    servers.delete(port)
  }
  onTestFinished(() => {
    for (const port of [...servers.keys()]) close(port)
    for (const socket of sockets) socket.destroy()
  })
  return {
    close,
    async open(port) {
      const server = createServer({ allowHalfOpen: true }, inner => {
        const back = dialTcp({ host: '127.0.0.1', port, allowHalfOpen: true })
        for (const socket of [inner, back]) {
          sockets.add(socket)
          socket.on('error', () => undefined)
          socket.on('close', () => (socket === inner ? back : inner).destroy())
        }
        inner.pipe(back).pipe(inner)
      })
      servers.set(port, server)
      await new Promise<void>(resolve => server.listen(port, outside, resolve))
    },
  }
}

async function serve(first: number, server: Record<string, unknown> = {}, options: TestServerOptions = {}) {
  const started = await startServer({
    ...options,
    files: { 'users/00-0probe.yaml': credential.list.toString() },
    server: {
      passive: { ports: { first, last: first + 5 }, advertisedAddress: outside },
      probes: { port: await freePort('127.0.0.1'), addresses: ['127.0.0.1'], user: 'ftp-operator-probe' },
      ...server,
    },
  })
  onTestFinished(() => started.stop())
  return started
}

function targetOf({ port }: TestServer, first: number, changes: Partial<ProbeTarget> = {}): ProbeTarget {
  const numbers = Array.from({ length: 6 }, (_, index) => first + index)
  return {
    addresses: [outside],
    port,
    tls: 'explicit',
    fingerprint: undefined,
    told: [outside],
    ports: numbers.map(number => ({ port: number, outside: number, replica: 0, podAddress: '127.0.0.1' })),
    clusterAddress: '127.0.0.1',
    way: 'load-balancer',
    servicePorts: [port, ...numbers],
    resumption: 'expected',
    digest: '',
    ...changes,
  }
}

async function reachable(first: number) {
  const server = await serve(first)
  const balancer = front()
  const target = targetOf(server, first)
  for (const port of [server.port, ...target.ports.map(({ port: each }) => each)]) await balancer.open(port)
  return { server, balancer, target }
}

async function findingAt(target: ProbeTarget) {
  const { status, reason, message } = findingOf(await probe(target, credential, never), target)
  return `${status} ${reason}: ${message}`
}

describe('a server behind a load balancer', () => {
  test('every passive port is found to carry data, and nothing else is seen of the probe', async () => {
    const { server, target } = await reachable(28_000)
    const outcome = await probe(target, credential, never)
    expect(outcome).toMatchObject({ kind: 'tried', missed: [], pasv: [{ told: outside, outcome: 'works' }] })
    const { results } = outcome as Extract<typeof outcome, { kind: 'tried' }>
    expect(results.map(({ port, kind }) => [port, kind])).toEqual(target.ports.map(({ port }) => [port, 'works']))
    expect(findingOf(outcome, target)).toMatchObject({ status: 'True', message: /with TLS and its session resumed/ })
    const { users } = await server.status()
    expect(users.accepted).toBe(1)
    expect(JSON.stringify(server.log()).includes(credential.password)).toBe(false)
  })

  test('a port without a listener is named; once it has one all is well', async () => {
    const { balancer, target } = await reachable(28_010)
    balancer.close(28_013)
    expect(await findingAt(target)).toBe(
      `False PortRefused: port 28013 refused at ${outside}: the Service answers within the cluster, and the load balancer has no listener for it; 5 others work`,
    )
    await balancer.open(28_013)
    expect(await findingAt(target)).toMatch(/^True Verified: 6 passive ports of 1 replica /)
  })

  test('of a load balancer that has the control port alone not all ports are tried', async () => {
    const { balancer, target } = await reachable(28_020)
    for (const { port } of target.ports) balancer.close(port)
    expect(await findingAt(target)).toMatch(/^False PortRefused: ports .*; 2 were not tried after that$/)
  })

  test('a port that leads elsewhere is named', async () => {
    const { balancer, target } = await reachable(28_030)
    balancer.close(28_034)
    const other = createServer(socket => void socket.on('error', () => undefined).resume())
    await new Promise<void>(resolve => other.listen(28_034, outside, resolve))
    onTestFinished(() => void other.close())
    expect(await findingAt(target)).toMatch(/port 28034 (taken|without TLS) at/)
  })
})

test('without TLS, with several processes, and with ports of one session each', async () => {
  for (const [index, more] of [{ workers: 2 }, { sharing: 'off' }].entries()) {
    const first = 28_040 + 10 * index
    const { sharing = 'auto', ...rest } = more as { sharing?: string; workers?: number }
    const passive = { ports: { first, last: first + 5 }, sharing }
    const server = await serve(first, { passive, ...rest })
    const target = targetOf(server, first, { addresses: ['127.0.0.1'], told: [], tls: 'none', way: 'cluster' })
    expect(await findingAt(target)).toBe('True Verified: 6 passive ports of 1 replica carry data at 127.0.0.1')
  }
})

test('an address that is told and is nobody’s is found out from the one that answers', async () => {
  const server = await serve(28_060)
  const target = targetOf(server, 28_060, { addresses: [outside, '127.0.0.1'] })
  expect(await findingAt(target)).toBe(
    `False WrongAddress: PASV tells clients ${outside}, where a passive port is refused; the server answers at 127.0.0.1: see passive.advertisedAddress`,
  )
})

test('where nobody answers, or nobody is let in, nothing is known', async () => {
  const server = await serve(28_070)
  const target = targetOf(server, 28_070, { addresses: ['127.0.0.1'], told: [] })
  const { port: closed } = targetOf(server, 0, { port: await freePort('127.0.0.1') })
  expect(await findingAt({ ...target, port: closed })).toMatch(/^Unknown NotReachable: .*:\d+ .*\(refused\)/)
  const { status, reason } = findingOf(await probe(target, await makeCredential(), never), target)
  expect([status, reason]).toEqual(['Unknown', 'NotLetIn'])
  const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':')
  expect(await findingAt({ ...target, fingerprint })).toMatch(/^Unknown NotLetIn: .*certificate there is not that/)
})

test('who is aborted ends at once', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const server = { port } as TestServer
  const ending = new AbortController()
  const outcome = probe(targetOf(server, 28_080, { addresses: ['127.0.0.1'] }), credential, ending.signal)
  silent.once('connection', () => ending.abort(new Error('enough')))
  await expect(outcome).rejects.toThrow('enough')
})
