/** Connections on their way from the first process to a worker: by a socket of their own, and by the channel where there is none. */
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { platform } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startServer, type TestServer, type TestServerOptions } from '../support/server.ts'

const patience = 20_000
const ways = { 'by a socket': undefined, 'by the channel': 'off' } as const
const clients: Client[] = []
let server: TestServer

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy()
  await server.stop()
})

/** What a client has seen. */
type Client = { readonly socket: Socket; text: string; closed: boolean }

function open(count: number, localAddress = '127.0.0.1'): readonly Client[] {
  const opened = Array.from({ length: count }, () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', localAddress })
    const client: Client = { socket, text: '', closed: false }
    socket.on('data', chunk => (client.text += chunk.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => (client.closed = true))
    return client
  })
  clients.push(...opened)
  return opened
}

const areIn = (some: readonly Client[]) => some.filter(({ text, closed }) => text.startsWith('220') && !closed)
const areRefused = (some: readonly Client[]) => some.filter(({ text }) => text.startsWith('421'))

async function start(
  options: TestServerOptions,
  limits: Record<string, number>,
  more: Record<string, unknown> = {},
): Promise<void> {
  const sections = { workers: 2, limits: { ...limits, drainTimeoutSeconds: 1 }, ...more }
  server = await startServer({ ...options, server: sections })
}

async function answered(some: readonly Client[], count = some.length): Promise<void> {
  await eventually(() => some.filter(({ text }) => text !== '').length === count, `${count} have an answer`, patience)
}

async function sessionCountIs(count: number): Promise<void> {
  await eventually(async () => (await server.status()).sessionCount === count, `${count} sessions`, patience)
}

describe.each(Object.entries(ways))('Connections that go %s', (_way, descriptors) => {
  test('are let in up to the limits and no further, when many come at once, and again when those have gone', async () => {
    await start({ descriptors }, { maxSessions: 40, maxSessionsPerAddress: 25 })
    for (const _round of [1, 2]) {
      const [some, others] = [open(60), open(60, '127.0.0.2')]
      await answered([...some, ...others])
      const all = [some, others].map(each => areIn(each).length)
      expect(areIn([...some, ...others])).toHaveLength(40)
      expect(areRefused([...some, ...others])).toHaveLength(80)
      for (const count of all) expect(count).toBeLessThanOrEqual(25)
      const { sessionCount, workers } = await server.status()
      expect(sessionCount).toBe(40)
      expect(workers.map(worker => worker.sessionCount)).toEqual([20, 20])
      for (const client of clients.splice(0)) client.socket.destroy()
      await sessionCountIs(0)
    }
  })

  test('wait for a worker that stands still, however many they are', async () => {
    await start({ descriptors }, { maxSessions: 1000, maxSessionsPerAddress: 1000 })
    const [{ pid = 0 } = {}] = (await server.status()).workers
    process.kill(pid, 'SIGSTOP')
    const some = open(500)
    await answered(some, 250)
    process.kill(pid, 'SIGCONT')
    await answered(some)
    expect(areIn(some)).toHaveLength(500)
    expect((await server.status()).workers.map(worker => worker.sessionCount)).toEqual([250, 250])
  })

  test('are nobody’s session where the client has gone before a worker takes them', async () => {
    await start({ descriptors }, { maxSessions: 40, maxSessionsPerAddress: 40 }, { logging: { level: 'debug' } })
    const pids = (await server.status()).workers.map(({ pid = 0 }) => pid)
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    const some = open(6)
    await eventually(() => server.application.server.sessionCount === 6, 'all are let in', patience)
    for (const { socket } of some) socket.resetAndDestroy()
    for (const pid of pids) process.kill(pid, 'SIGCONT')
    await sessionCountIs(0)
    const [client] = open(1)
    await eventually(() => client?.text.startsWith('220') === true, 'somebody else is served', patience)
    const opened = () => server.log().filter(({ msg }) => msg === 'session opened')
    await eventually(() => opened().length > 0, 'the log tells of a session', patience)
    expect(opened().map(({ address }) => address)).toEqual(['127.0.0.1'])
  })

  test.runIf(platform() === 'linux')(
    'end where no worker has a descriptor left for them, and give their places back',
    async () => {
      await start({ descriptors }, { maxSessions: 20, maxSessionsPerAddress: 20 })
      const limit = async (files: number) => {
        for (const { pid } of (await server.status()).workers)
          execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${files}:`])
      }
      await limit(3)
      const some = open(10)
      await eventually(() => some.every(({ closed }) => closed), 'all have ended', patience)
      await limit(1024)
      await sessionCountIs(0)
      const more = open(20)
      await answered(more)
      expect(areIn(more)).toHaveLength(20)
    },
  )

  test('end with the worker that was to have them, and give their places back', async () => {
    await start({ descriptors }, { maxSessions: 40, maxSessionsPerAddress: 40 })
    const [{ pid = 0 } = {}] = (await server.status()).workers
    process.kill(pid, 'SIGSTOP')
    const some = open(40)
    await answered(some, 20)
    await sessionCountIs(40)
    process.kill(pid, 'SIGKILL')
    await eventually(() => some.filter(({ closed }) => closed).length === 20, 'half of them have ended', patience)
    await sessionCountIs(20)
    expect(areIn(some)).toHaveLength(20)
    const more = open(30)
    await answered(more)
    expect(areIn(more)).toHaveLength(20)
    expect(areRefused(more)).toHaveLength(10)
  })
})
