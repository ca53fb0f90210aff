/** Limits and timeouts as a client meets them, each with the smallest value that tells. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient, readAll } from '../support/ftp-client.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

const opened: { stop(): Promise<void> }[] = []
const clients: { close(): void }[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const server of opened.splice(0)) await server.stop()
})

async function start(limits: Record<string, number>, users = [simpleUser('alice'), simpleUser('bob')]) {
  const server = await startServer({
    server: { limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1, ...limits } },
    users,
  })
  opened.push(server)
  return server
}

async function connectTo({ port }: TestServer, localAddress = '127.0.0.1'): Promise<FtpClient> {
  const client = await FtpClient.connect(port, '127.0.0.1', { localAddress })
  clients.push(client)
  return client
}

async function logIn(server: TestServer, user = 'alice', localAddress?: string): Promise<FtpClient> {
  const client = await connectTo(server, localAddress)
  await client.login(user)
  return client
}

async function expectRefused(server: TestServer, localAddress?: string): Promise<void> {
  const connection = await RawConnection.open(server.port, localAddress === undefined ? {} : { localAddress })
  expect(await connection.untilClosed()).toMatch(/^421 [^\r\n]+\r\n$/)
}

async function passive(client: FtpClient): Promise<Socket> {
  const data = await client.passive()
  data.on('error', () => undefined)
  clients.push({ close: () => data.destroy() })
  return data
}

describe('Sessions', () => {
  test('are as many as allowed, and one that ends makes room', async () => {
    const server = await start({ maxSessions: 2 })
    const first = await connectTo(server)
    await connectTo(server, '127.0.0.2')
    await expectRefused(server, '127.0.0.3')
    await first.send('QUIT')
    first.close()
    await eventually(() => server.application.server.sessionCount === 1, 'the first session has ended')
    await logIn(server, 'alice', '127.0.0.3')
  })

  test('of one address are as many as allowed, whoever else is there', async () => {
    const server = await start({ maxSessionsPerAddress: 2 })
    await connectTo(server, '127.0.0.2')
    await connectTo(server, '127.0.0.2')
    await expectRefused(server, '127.0.0.2')
    await logIn(server, 'alice', '127.0.0.3')
  })

  test('of one user are as many as allowed, from all addresses together', async () => {
    const server = await start({ maxSessionsPerUser: 2 }, [
      simpleUser('alice'),
      simpleUser('bob', { limits: { maxSessions: 1 } }),
    ])
    const first = await logIn(server)
    await logIn(server, 'alice', '127.0.0.2')
    const third = await connectTo(server, '127.0.0.3')
    await expect(third.login()).rejects.toThrow('Not logged in: 530')
    await third.login('bob')
    await expect((await connectTo(server)).login('bob')).rejects.toThrow('Not logged in: 530')
    // Whoever logs in as somebody else makes room as well.
    await first.send('REIN')
    await logIn(server)
  })
})

describe('Timeouts', () => {
  test('an idle session is closed with 421', async () => {
    const server = await start({ idleTimeoutSeconds: 1 })
    expect(await (await logIn(server)).closed()).toMatch(/^421 Idle timeout[^\r\n]*\r\n$/)
  })

  test('the idle timeout of a user goes before that of the server', async () => {
    const server = await start({ idleTimeoutSeconds: 3600 }, [
      simpleUser('alice', { limits: { idleTimeoutSeconds: 1 } }),
    ])
    expect(await (await logIn(server)).closed()).toMatch(/^421 Idle timeout/)
  })

  test('a session does not idle while a transfer runs, however slow it is', async () => {
    const server = await start({ idleTimeoutSeconds: 1 })
    const idle = await logIn(server, 'bob')
    const client = await logIn(server)
    const data = await passive(client)
    await client.send('STOR slow')
    // Two idle timeouts of somebody who came before.
    await idle.closed()
    data.write('half ')
    await (await logIn(server, 'bob')).closed()
    data.resume().end('and half')
    expect((await client.reply()).code).toBe(226)
    await client.send('TYPE I')
    expect((await client.send('SIZE slow')).text).toBe('13')
  })

  test('an upload that stands still is ended with 426, and the session goes on', async () => {
    const server = await start({ transferStallTimeoutSeconds: 1 })
    const client = await logIn(server)
    const data = await passive(client)
    await client.send('STOR stalled')
    data.write('some bytes')
    expect((await client.reply()).code).toBe(426)
    // What came is kept: the client may resume.
    expect((await client.send('TYPE I')).code).toBe(200)
    expect((await client.send('SIZE stalled')).text).toBe('10')
  })

  test('a download that nobody reads is ended with 426 and RST, so that nobody takes it for whole', async () => {
    const server = await start({ transferStallTimeoutSeconds: 1 })
    const client = await logIn(server)
    await client.send('TYPE I')
    await client.upload('STOR large', randomBytes(30_000_000))
    const data = await passive(client)
    await client.send('RETR large')
    expect((await client.reply()).code).toBe(426)
    await expect(readAll(data)).rejects.toThrow('ECONNRESET')
    expect((await client.send('NOOP')).code).toBe(200)
  })

  test('a passive port that nobody connects to is closed, and the transfer gets 425', async () => {
    const server = await start({ passiveAcceptTimeoutSeconds: 1 })
    const client = await logIn(server)
    await client.send('EPSV')
    expect((await client.send('LIST')).code).toBe(150)
    expect((await client.reply()).code).toBe(425)
    const port = Number(/\|(\d+)\|/.exec((await client.send('EPSV')).text)?.[1])
    await eventually(() => refuses(port), 'the port is closed without any transfer')
    expect((await client.send('LIST')).code).toBe(425)
  })

  test('who does not log in is sent away with 421', async () => {
    const server = await start({ loginTimeoutSeconds: 1 })
    const client = await connectTo(server)
    await client.send('USER alice')
    expect(await client.closed()).toMatch(/^421 Login timeout/)
  })
})

describe('Failed logins', () => {
  test('end the session when there are too many, also over REIN and AUTH, and do not lock the user out', async () => {
    const server = await start({ maxFailedLogins: 3 })
    const client = await connectTo(server)
    const codes: number[] = []
    for (const between of ['REIN', 'AUTH TLS', undefined]) {
      await client.send('USER alice')
      codes.push((await client.send('PASS wrong')).code)
      if (between === 'AUTH TLS') await client.startTls()
      else if (between !== undefined) await client.send(between)
    }
    expect(codes).toEqual([530, 530, 421])
    await client.closed()
    await logIn(server)
  })

  test('are answered late, and a client that is gone meanwhile is not waited for', async () => {
    const server = await start({ failedLoginDelayMilliseconds: 1000 })
    const client = await connectTo(server)
    await client.send('USER alice')
    const before = performance.now()
    expect((await client.send('PASS wrong')).code).toBe(530)
    expect(performance.now() - before).toBeGreaterThan(950)
    client.write('USER alice\r\nPASS wrong\r\n')
    client.close()
    await eventually(() => server.application.server.sessionCount === 0, 'the session has ended')
  })
})

/** Asked by a stranger, who does not use the port up. */
function refuses(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })
}
