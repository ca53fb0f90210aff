/** Connections that are half-closed, broken, never used or never ended cost nothing in the end. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { beginEndurance, type Endurance, noSessions } from '../support/endurance.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { freePort } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const megabyte = 1_048_576
const logIn = 'USER alice\r\nPASS correct horse\r\n'
let server: ServerProcess
let implicitPort: number
let endurance: Endurance

beforeAll(async () => {
  const [port, other] = await Promise.all([freePort('127.0.0.1'), freePort('127.0.0.1')])
  implicitPort = other
  server = await startServerProcess({
    port,
    server: {
      listeners: [
        { name: 'ftp', port, addresses: ['127.0.0.1'] },
        { name: 'ftps', port: implicitPort, addresses: ['127.0.0.1'], tls: 'implicit' },
      ],
      limits: {
        failedLoginDelayMilliseconds: 0,
        maxSessionsPerAddress: 500,
        idleTimeoutSeconds: 10,
        // On a machine that is busy a login takes seconds.
        loginTimeoutSeconds: 8,
        handshakeTimeoutSeconds: 2,
        transferStallTimeoutSeconds: 3,
        // Who keeps talking is to meet the timeout.
        maxErrorsBeforeLogin: 0,
      },
    },
  })
  const client = await FtpClient.connect(server.port)
  await client.login()
  await client.send('TYPE I')
  await client.upload('STOR large', randomBytes(20 * megabyte))
  client.close()
  endurance = await beginEndurance(server)
})

afterAll(() => server.dispose())

afterEach(() => endurance.check())

describe('A client that closes its side', () => {
  test('right behind its commands still gets all replies', async () => {
    const connection = await RawConnection.open(server.port)
    await connection.write(`${logIn}PWD\r\nHELP\r\nSTAT\r\nFEAT\r\nNOOP\r\n`)
    connection.end()
    const text = await connection.untilClosed()
    for (const code of [230, 257, 214, 211, 200]) expect(text).toMatch(new RegExp(`^${code} `, 'm'))
  })

  test('behind more commands than are read ahead still gets all replies', async () => {
    const connection = await RawConnection.open(server.port)
    await connection.write('NOOP\r\n'.repeat(5000))
    connection.end()
    expect((await connection.untilClosed()).match(/^(200|530) /gm)?.length).toBe(5000)
  })

  test('during a transfer has aborted it, and its session ends', async () => {
    const client = await FtpClient.connect(server.port)
    await client.login()
    const data = await client.passive()
    data.on('error', () => undefined)
    await client.send('RETR large')
    client.socket.end()
    expect(await client.closed()).toMatch(/^426 /)
    client.close()
    data.destroy()
    await noSessions(server, 2000)
  })

  test('behind QUIT during a transfer gets the whole file first', async () => {
    const client = await FtpClient.connect(server.port)
    await client.login()
    await client.send('TYPE I')
    const data = await client.passive()
    await client.send('RETR large')
    client.write('QUIT\r\n')
    client.socket.end()
    let bytes = 0
    for await (const chunk of data) bytes += (chunk as Buffer).length
    expect(bytes).toBe(20 * megabyte)
    expect(await client.closed()).toMatch(/^226 .*\r\n221 /)
    client.close()
  })
})

describe('A client that breaks off', () => {
  test('right after connecting, 10,000 times, leaves nothing behind', async () => {
    await inParallel(20, 10_000, async () => {
      const socket = connect({ port: server.port, host: '127.0.0.1' })
      await new Promise<void>(resolve => socket.once('connect', resolve).once('error', () => resolve()))
      socket.resetAndDestroy()
    })
    await noSessions(server)
  })

  test('after it has closed its side ahead of a transfer is not waited for', async () => {
    const socket = connect({ port: server.port, host: '127.0.0.1' })
    // What nobody has read makes the close a reset.
    socket.pause()
    socket.write(`${logIn}EPSV\r\nLIST\r\n`)
    socket.end()
    const isListing = async () => (await server.status()).sessions.some(({ transfer }) => transfer?.verb === 'LIST')
    await eventually(isListing, 'the transfer waits for a data connection')
    socket.destroy()
    await noSessions(server, 8000)
  })

  test('with RST during a transfer over and over leaves nothing behind', async () => {
    await inParallel(10, 300, async () => {
      const client = await FtpClient.connect(server.port)
      await client.login()
      const data = await client.passive()
      data.on('error', () => undefined)
      client.write('RETR large\r\n')
      await new Promise(resolve => data.once('data', resolve))
      client.socket.resetAndDestroy()
      data.destroy()
    })
    await noSessions(server)
  })
})

describe('A client that never finishes', () => {
  test.each([
    ['says nothing', ''],
    ['says half a line', 'USER al'],
    ['keeps talking but never logs in', 'USER alice\r\n'],
  ])('and %s has the login timeout', async (_, said) => {
    const connection = await RawConnection.open(server.port)
    await connection.write(said)
    const talking = setInterval(() => connection.socket.write(said.at(-1) ?? ''), 200)
    try {
      expect(await connection.untilClosed()).toMatch(/^421 Login timeout/m)
    } finally {
      clearInterval(talking)
    }
  })

  test.each([
    ['AUTH TLS', () => server.port, 'AUTH TLS\r\n'],
    ['connecting to the implicit port', () => implicitPort, ''],
  ])('the handshake after %s is cut off without words', async (_, port, before) => {
    const connection = await RawConnection.open(port())
    await connection.write(before)
    const text = await connection.untilClosed()
    expect(text.replace(/^220 .*\r\n234 .*\r\n/, '')).toBe('')
  })

  test.each([
    ['AUTH TLS', () => server.port, 'AUTH TLS\r\n'],
    ['connecting to the implicit port', () => implicitPort, ''],
  ])('and sends noise for a handshake after %s is cut off', async (_, port, before) => {
    await inParallel(10, 300, async () => {
      const connection = await RawConnection.open(port())
      if (before !== '') {
        await connection.write(before)
        await connection.untilReceived(/^234 /m)
      }
      await connection.write(randomBytes(2000))
      await connection.untilClosed()
    })
  })
})

describe('Ten thousand times', () => {
  test('PASV without use holds one port a session', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => FtpClient.connect(server.port)))
    await Promise.all(clients.map(client => client.login()))
    const ask = async (client: FtpClient): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1) {
        client.write('PASV\r\n'.repeat(100))
        for (let reply = 0; reply < 100; reply += 1) expect((await client.reply()).code).toBe(227)
      }
    }
    // Together: who has to wait for the others would idle, and lose the port.
    await Promise.all(clients.map(ask))
    expect(await (await server.probe('/metrics')).text()).toMatch(/^ftp_passive_ports_in_use 5$/m)
    for (const client of clients) client.close()
  })

  test.each([
    ['STOR', 950],
    ['RETR', 50],
  ])('ABOR of a transfer gives 426 and 226 each time: %s', async (verb, turns) => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => FtpClient.connect(server.port)))
    const work = clients.map(async (client, index) => {
      await client.login()
      for (let turn = 0; turn < turns; turn += 1) {
        const data = await client.passive()
        data.on('error', () => undefined)
        data.pause()
        expect((await client.send(`${verb} ${verb === 'RETR' ? 'large' : `upload-${index}`}`)).code).toBe(150)
        expect((await client.send('ABOR')).code).toBe(426)
        expect((await client.reply()).code).toBe(226)
        data.destroy()
      }
      client.close()
    })
    await Promise.all(work)
  })
})

/** Runs something so many times, at most `width` at once. */
async function inParallel(width: number, times: number, run: () => Promise<void>): Promise<void> {
  let left = times
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await run()
    }
  }
  await Promise.all(Array.from({ length: width }, work))
}
