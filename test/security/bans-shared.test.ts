/** Bans over several processes: workers of one server, servers that share a directory, and a server before and after its end. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { freePort, passiveRange } from '../support/server.ts'
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../support/server-process.ts'

const attacker = '127.0.0.66'
const jumpingClock = pathToFileURL(join(import.meta.dirname, '../support/jumping-clock.js')).href
const limits = { failedLoginDelayMilliseconds: 0, maxFailedLogins: 100 }

async function start(server: object, more: ServerProcessOptions = {}): Promise<ServerProcess> {
  const [port, probesPort] = await Promise.all([freePort('127.0.0.1'), freePort('127.0.0.1')])
  const started = await startServerProcess({
    server: {
      listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'] }],
      probes: { port: probesPort, addresses: ['127.0.0.1'] },
      passive: { ports: passiveRange(port, probesPort) },
      limits,
      bans: { exemptNetworks: [] },
      ...server,
    },
    port,
    probesPort,
    ...more,
  })
  onTestFinished(() => started.dispose())
  return started
}

async function stateDirectory(): Promise<{ readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'state-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return { directory }
}

async function provoke({ port }: ServerProcess, address = attacker): Promise<void> {
  for (let session = 1; session <= 2; session += 1) {
    const client = await FtpClient.connect(port, '127.0.0.1', { localAddress: address })
    client.write('GET / HTTP/1.1\r\n')
    await client.closed()
  }
}

/** Whether a connection is closed before anything is said. */
function isRefused({ port }: ServerProcess, localAddress = attacker): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    const settle = (refused: boolean): void => {
      socket.destroy()
      resolve(refused)
    }
    socket.once('data', () => settle(false))
    for (const event of ['error', 'end'] as const) socket.once(event, () => settle(true))
  })
}

async function isWritten(directory: string): Promise<boolean> {
  const [name = ''] = await readdir(directory)
  return (await readFile(join(directory, name), 'utf8')).includes(attacker)
}

async function bansOf(server: ServerProcess) {
  return (await server.status()).bans
}

describe('Two servers with one directory', () => {
  test('refuse whom either has banned within seconds, and count further bans together', async () => {
    const state = await stateDirectory()
    const bans = { exemptNetworks: [], durationSeconds: 600 }
    const ownClock = { preload: jumpingClock, environment: { CLOCK_STEP_SECONDS: '900' } }
    const [one, other] = await Promise.all([start({ state, bans }, ownClock), start({ state, bans }, ownClock)])
    await provoke(one)
    expect(await isRefused(one)).toBe(true)
    await eventually(() => isRefused(other), 'the other one refuses')
    expect(await bansOf(other)).toEqual(await bansOf(one))
    for (const server of [one, other]) server.signal('SIGUSR2')
    for (const server of [one, other]) await eventually(async () => !(await isRefused(server)), 'the ban is over')
    await provoke(other)
    expect(await bansOf(other)).toMatchObject([{ client: attacker, count: 2 }])
    await eventually(() => isRefused(one), 'the first one refuses again')
  })
})

describe('A server that is started again', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'after %s refuses from its first connection on whom it has banned',
    async signal => {
      const state = await stateDirectory()
      const before = await start({ state })
      await provoke(before)
      const [ban] = await bansOf(before)
      // What a process that is killed has not written is lost: it writes once a second.
      if (signal === 'SIGKILL') {
        await eventually(() => isWritten(state.directory), 'the ban is written')
      }
      before.signal(signal)
      await before.exited
      const after = await start({ state })
      expect(await isRefused(after)).toBe(true)
      expect(await isRefused(after, '127.0.0.67')).toBe(false)
      expect(await bansOf(after)).toEqual([ban])
    },
  )

  test('without a directory has forgotten all bans', async () => {
    const before = await start({})
    await provoke(before)
    expect(await isRefused(before)).toBe(true)
    before.signal('SIGTERM')
    await before.exited
    expect(await isRefused(await start({}))).toBe(false)
  })
})

describe('Worker processes', () => {
  test('count offences together, and end sessions of a banned client in all of them', async () => {
    const server = await start({ workers: 3 })
    const strangers = await Promise.all(
      Array.from({ length: 6 }, () => FtpClient.connect(server.port, '127.0.0.1', { localAddress: attacker })),
    )
    const [user] = strangers.splice(0, 1)
    await user?.login()
    // One attempt each: in no single process is it enough.
    const guessers = await Promise.all(
      Array.from({ length: 10 }, () => FtpClient.connect(server.port, '127.0.0.1', { localAddress: attacker })),
    )
    for (const guesser of guessers) guesser.write('USER alice\r\nPASS wrong\r\n')
    for (const client of [...guessers, ...strangers]) expect(await client.closed()).toContain('421')
    expect(await isRefused(server)).toBe(true)
    expect((await user?.send('NOOP'))?.code).toBe(200)
    user?.close()
    const { workers } = await server.status()
    expect(workers.length).toBe(3)
  })
})
