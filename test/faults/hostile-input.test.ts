/** Whatever comes in on the control connection, the process lives, does not grow, and serves others. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { beginEndurance, type Endurance, expectService, noSessions } from '../support/endurance.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const megabyte = 1_048_576
let server: ServerProcess
let endurance: Endurance

beforeAll(async () => {
  server = await startServerProcess({
    server: {
      limits: {
        failedLoginDelayMilliseconds: 0,
        maxSessionsPerAddress: 500,
        // Else no flood would last.
        maxErrorsBeforeLogin: 0,
        idleTimeoutSeconds: 5,
        transferStallTimeoutSeconds: 3,
      },
    },
  })
  endurance = await beginEndurance(server)
})

afterAll(() => server.dispose())

afterEach(() => endurance.check())

async function open(count: number): Promise<readonly RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => RawConnection.open(server.port)))
}

/** Sends the same block again and again on all connections for a while, as fast as they take it. */
async function flood(connections: readonly RawConnection[], block: Uint8Array, milliseconds: number): Promise<number> {
  const deadline = performance.now() + milliseconds
  let bytes = 0
  while (performance.now() < deadline) {
    for (const connection of connections) {
      if (connection.socket.writableLength === 0) bytes += connection.fill(block, 4 * block.length)
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  return bytes
}

describe('Bytes that are no commands', () => {
  test('leave the process alive, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async chunks => {
        const connection = await RawConnection.open(server.port)
        for (const chunk of chunks) await connection.write(chunk)
        connection.end()
        expect(await connection.untilClosed()).toMatch(/^220 /)
      }),
      { numRuns: 150 },
    )
  })

  test('leave the process alive when a logged-in client sends them behind real verbs', async () => {
    const verbs = ['LIST', 'STAT', 'SITE CHMOD', 'PORT', 'EPRT', 'OPTS', 'MFMT', 'MLST', 'CWD', 'RNFR', 'REST', 'TYPE']
    const command = fc.tuple(fc.constantFrom(...verbs), fc.uint8Array({ maxLength: 60 }))
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 10 }), async commands => {
        const client = await FtpClient.connect(server.port)
        await client.login()
        for (const [verb, argument] of commands) {
          client.write(Buffer.concat([Buffer.from(`${verb} `), Buffer.from(argument), Buffer.from('\r\n')]))
        }
        client.write('QUIT\r\n')
        expect(await client.closed()).toContain('\r\n221 ')
        client.close()
      }),
      { numRuns: 100 },
    )
  })

  test('may be megabytes of noise on many connections at once', async () => {
    const connections = await open(8)
    const noise = randomBytes(megabyte)
    await Promise.all(connections.map(connection => connection.write(noise)))
    for (const connection of connections) connection.end()
    await Promise.all(connections.map(connection => connection.untilClosed(30_000)))
  })

  test('may be a line of 10 MB, which is one bad line and not kept', async () => {
    const connection = await RawConnection.open(server.port)
    const before = await server.residentBytes()
    for (let sent = 0; sent < 10; sent += 1) await connection.write(Buffer.alloc(megabyte, 'A'))
    await connection.write('\r\nNOOP\r\nQUIT\r\n')
    const text = await connection.untilClosed()
    expect(text.match(/^500 /gm)).toHaveLength(1)
    expect(text).toMatch(/\r\n221 /)
    expect(await server.residentBytes()).toBeLessThan(before + 64 * megabyte)
  })

  test.each([
    'GET /<script>alert(1)</script> HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n<svg>',
    'EHLO evil.example\r\nMAIL FROM:<a@evil.example>\r\nRCPT TO:<b@evil.example>\r\n',
    'USER <script>\r\nPASS <script>\r\nCWD <script>\r\nHELP <script>\r\nSITE <script>\r\nOPTS <script>\r\n',
  ])('are not sent back: %j', async input => {
    const connection = await RawConnection.open(server.port)
    await connection.write(input)
    connection.end()
    const text = await connection.untilClosed()
    expect(text).toMatch(/\r\n5\d\d /)
    expect(text).not.toMatch(/<script>|evil|<svg>|HTTP|Host/i)
  })
})

describe('Floods of commands', () => {
  test('from 50 clients, half of which never read, keep nobody from being served and memory bounded', async () => {
    const connections = await open(50)
    for (const connection of connections.slice(25)) connection.socket.pause()
    const flooding = flood(connections, Buffer.from('h\r\n'.repeat(21_000)), 6000)
    let served = 0
    let peak = 0
    const ended = flooding.then(() => true)
    while (!(await Promise.race([ended, Promise.resolve(false)]))) {
      await expectService(server.port)
      served += 1
      peak = Math.max(peak, await server.residentBytes())
    }
    expect(await flooding).toBeGreaterThan(3 * 100_000)
    expect(served).toBeGreaterThan(5)
    expect(peak).toBeLessThan(endurance.residentBytes + 250 * megabyte)
    for (const connection of connections) connection.reset()
  })

  test('whose answers nobody reads end with the idle timeout', async () => {
    const verbs = ['HELP', 'NOOP', 'STAT', 'FEAT']
    const connections = await open(verbs.length)
    for (const [index, connection] of connections.entries()) {
      await connection.write('USER alice\r\nPASS correct horse\r\n')
      await connection.untilReceived(/\r\n230 /)
      connection.socket.pause()
      await flood([connection], Buffer.from(`${verbs[index]}\r\n`.repeat(10_000)), 300)
    }
    await noSessions(server, 60_000)
    for (const connection of connections) connection.reset()
  })

  test('whose answers nobody reads under TLS end with the idle timeout', async () => {
    const client = await FtpClient.connect(server.port)
    await client.loginSecurely()
    client.socket.pause()
    for (let sent = 0; sent < 20; sent += 1) client.write('HELP\r\n'.repeat(1000))
    await noSessions(server, 15_000)
    client.close()
  })

  test('during a transfer that stands still are not collected', async () => {
    const client = await FtpClient.connect(server.port)
    await client.login()
    const data = await client.passive()
    data.on('error', () => undefined)
    expect((await client.send('STOR standing-still')).code).toBe(150)
    client.socket.pause()
    // What floods before this one have left to the collector is not of this one.
    const before = await server.residentBytes()
    const block = Buffer.from('STAT\r\n'.repeat(10_000))
    for (let sent = 0; sent < 300; sent += 1) client.write(block)
    let peak = 0
    await eventually(
      async () => {
        peak = Math.max(peak, await server.residentBytes())
        return (await server.status()).sessionCount === 0
      },
      'the session has ended',
      15_000,
    )
    expect(peak).toBeLessThan(before + 100 * megabyte)
    client.close()
  })
})
