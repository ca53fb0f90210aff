/** The probe against a real server, and what is between broken in each way. */
import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Credential, makeCredential } from '../../operator/passive-probe/credential.ts'
import { findingOf } from '../../operator/passive-probe/finding.ts'
import { probe } from '../../operator/passive-probe/probe.ts'
import type { ProbeTarget } from '../../operator/passive-probe/target.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { freePort, startServer, type TestServer, type TestServerOptions } from '../support/server.ts'

const never = new AbortController().signal
/** The tests are where no client ever comes in. */
const anywhere = () => false
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
    relay: undefined,
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
  const { status, reason, message } = findingOf(await probe(target, credential, never, anywhere), target)
  return `${status} ${reason}: ${message}`
}

describe('a server behind a load balancer', () => {
  test('every passive port is found to carry data, and nothing else is seen of the probe', async () => {
    const { server, target } = await reachable(32_600)
    const outcome = await probe(target, credential, never, anywhere)
    expect(outcome).toMatchObject({ kind: 'tried', missed: [], pasv: [{ told: outside, outcome: 'works' }] })
    const { results } = outcome as Extract<typeof outcome, { kind: 'tried' }>
    expect(results.map(({ port, kind }) => [port, kind])).toEqual(target.ports.map(({ port }) => [port, 'works']))
    expect(findingOf(outcome, target)).toMatchObject({ status: 'True', message: /with TLS and its session resumed/ })
    const { users } = await server.status()
    expect(users.accepted).toBe(1)
    expect(JSON.stringify(server.log()).includes(credential.password)).toBe(false)
  })

  test('a port without a listener is named; once it has one all is well', async () => {
    const { balancer, target } = await reachable(32_610)
    balancer.close(32_613)
    expect(await findingAt(target)).toBe(
      `False PortRefused: port 32613 refused at ${outside}: the Service answers within the cluster, and the load balancer has no listener for it; 5 others work`,
    )
    await balancer.open(32_613)
    expect(await findingAt(target)).toMatch(/^True Verified: 6 passive ports of 1 replica /)
  })

  test('of a load balancer that has the control port alone not all ports are tried', async () => {
    const { balancer, target } = await reachable(32_620)
    for (const { port } of target.ports) balancer.close(port)
    expect(await findingAt(target)).toMatch(/^False PortRefused: ports .*; 2 were not tried after that$/)
  })

  test('a port that leads elsewhere is named', async () => {
    const { balancer, target } = await reachable(32_630)
    balancer.close(32_634)
    const other = createServer(socket => void socket.on('error', () => undefined).resume())
    await new Promise<void>(resolve => other.listen(32_634, outside, resolve))
    onTestFinished(() => void other.close())
    expect(await findingAt(target)).toMatch(/port 32634 (taken|without TLS) at/)
  })
})

test('without TLS, with several processes, and with ports of one session each', async () => {
  for (const [index, more] of [{ workers: 2 }, { sharing: 'off' }].entries()) {
    const first = 32_640 + 10 * index
    const { sharing = 'auto', ...rest } = more as { sharing?: string; workers?: number }
    const passive = { ports: { first, last: first + 5 }, sharing }
    const server = await serve(first, { passive, ...rest })
    const target = targetOf(server, first, { addresses: ['127.0.0.1'], told: [], tls: 'none', way: 'cluster' })
    expect(await findingAt(target)).toBe('True Verified: 6 passive ports of 1 replica carry data at 127.0.0.1')
  }
})

test('an address that is told and is nobody’s is found out from the one that answers', async () => {
  const server = await serve(32_660)
  const target = targetOf(server, 32_660, { addresses: [outside, '127.0.0.1'] })
  expect(await findingAt(target)).toBe(
    `False WrongAddress: PASV tells clients ${outside}, where a passive port is refused; the server answers at 127.0.0.1: see passive.advertisedAddress`,
  )
})

test('where nobody answers, or nobody is let in, nothing is known', async () => {
  const server = await serve(32_670)
  const target = targetOf(server, 32_670, { addresses: ['127.0.0.1'], told: [] })
  const { port: closed } = targetOf(server, 0, { port: await freePort('127.0.0.1') })
  expect(await findingAt({ ...target, port: closed })).toMatch(/^Unknown NotReachable: .*:\d+ .*\(refused\)/)
  const { status, reason } = findingOf(await probe(target, await makeCredential(), never, anywhere), target)
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
  const outcome = probe(targetOf(server, 32_680, { addresses: ['127.0.0.1'] }), credential, ending.signal, anywhere)
  silent.once('connection', () => ending.abort(new Error('enough')))
  await expect(outcome).rejects.toThrow('enough')
})

/** Answers as a server would, but for what it tells the client to connect to. */
async function impostor(passive: string) {
  const sockets = new Set<Socket>()
  const data = createServer(socket => void socket.on('error', () => undefined).end('x'))
  const control = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.write('220 Ready.\r\n')
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trimEnd().split('\r\n')) {
        const answers: Readonly<Record<string, string>> = {
          USER: '331 Go on.',
          PASS: '230 In.',
          EPSV: `229 Here (|||${portOf(data)}|)`,
          PASV: `227 There (${passive}).`,
          MLSD: '150 Coming.\r\n226 Gone.',
        }
        socket.write(`${answers[line.split(' ')[0] ?? ''] ?? '500 What?'}\r\n`)
      }
    })
  })
  for (const server of [control, data]) await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const server of [control, data]) server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: portOf(control), dataPort: portOf(data) }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function victim() {
  let visits = 0
  const server = createServer(socket => {
    visits += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.66', resolve))
  onTestFinished(() => void server.close())
  return { port: portOf(server), visits: () => visits }
}

describe('whoever answers in place of a server', () => {
  test('does not have the operator connect elsewhere by PASV: neither to another address nor to another port', async () => {
    const { port, visits } = await victim()
    const numbers = `${port >> 8},${port & 255}`
    for (const [told, finding] of [
      ['127,0,0,66', 'Unknown AddressNotReachable: PASV tells clients 127.0.0.66, which the operator does not try'],
      ['127,0,0,1', 'True Verified'],
    ]) {
      const fake = await impostor(`${told},${numbers}`)
      const target = targetOf({ port: fake.port } as TestServer, 0, {
        ...{ addresses: ['127.0.0.1'], told: [], tls: 'none' },
        ports: [{ port: fake.dataPort, outside: fake.dataPort, replica: 0, podAddress: undefined }],
      })
      expect(await findingAt(target)).toContain(finding)
      const withPort = {
        ...target,
        ports: [...target.ports, { port, outside: port, replica: 1, podAddress: undefined }],
      }
      if (told === '127,0,0,66') await findingAt(withPort)
    }
    expect(visits()).toBe(0)
  })

  test.each(['127.0.0.1', 'localhost'])('is not looked for where the operator itself is: %s', async address => {
    let visits = 0
    const server = createServer(socket => {
      visits += 1
      socket.destroy()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const target = targetOf({ port: portOf(server) } as TestServer, 0, { addresses: [address] })
    const outcome = await probe(target, credential, never)
    expect(outcome).toMatchObject({ kind: 'unreachable', message: 'no way there' })
    expect(visits).toBe(0)
  })
})

test('the probe’s user sees and keeps no file, whoever has its password', async () => {
  const server = await serve(28_100)
  const alice = await FtpClient.connect(server.port)
  onTestFinished(() => alice.close())
  await alice.login()
  expect((await alice.upload('STOR secret', 'of alice')).end.code).toBe(226)
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login('ftp-operator-probe', credential.password)
  expect((await client.download('NLST')).bytes.toString()).toBe('probe\r\n')
  for (const line of [
    'SIZE /secret',
    'CWD /..',
    'MLST /secret',
    'RNFR probe',
    'DELE probe',
    'MKD new',
    'SITE CHMOD 700 probe',
  ]) {
    const { code, text } = await client.send(line)
    expect([line, code === 550 || (line === 'CWD /..' && code === 250), text.includes('alice')]).toEqual([
      line,
      true,
      false,
    ])
  }
  expect((await client.download('RETR /secret')).opening.code).toBe(550)
  expect((await client.download('RETR probe')).opening.code).toBe(550)
  expect((await client.upload('STOR mine', 'x')).opening.code).toBe(550)
  expect((await client.upload('APPE probe', 'x')).opening.code).toBe(550)
  expect((await client.send('SITE WHO')).code).toBe(550)
  expect((await client.send('PORT 127,0,0,66,200,10')).code).toBe(501)
})
