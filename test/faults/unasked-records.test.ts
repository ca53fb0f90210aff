/** Clients that make TLS itself answer, again and again, and read nothing of it: in memory little waits for them, and nobody waits behind them. */
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type TlsVersion, tlsVersions } from '../support/data-connections.ts'
import { beginEndurance, type Endurance } from '../support/endurance.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { type UnaskedRecords, unaskedRecordsOver } from '../support/unasked-records.ts'

const megabyte = 1_048_576

/**
 * Those of the first are ended by what waits for them and nothing else: its timeouts are longer than a test may take. What Node holds back of an
 * upload has its bound before the kernel has taken anything.
 */
const engines = [
  {
    engine: 'OpenSSL itself',
    preload: undefined,
    timeoutSeconds: 600,
    fewestRecords: 10_000,
    mostRecords: 2_000_000,
  },
  {
    engine: 'TLS of Node’s',
    preload: join(import.meta.dirname, '../support/without-koffi.js'),
    timeoutSeconds: 5,
    fewestRecords: 1000,
    mostRecords: 100_000,
  },
] as const

/** Sends until the server has ended the connection, or so many. */
async function storm(socket: Socket, records: UnaskedRecords, most: number): Promise<number> {
  let sent = 0
  while (sent < most && !socket.destroyed) {
    if (socket.writableLength < megabyte) {
      socket.write(records(1000))
      sent += 1000
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  return sent
}

describe.each(engines)('By $engine', ({ preload, timeoutSeconds, fewestRecords, mostRecords }) => {
  let server: ServerProcess
  let endurance: Endurance
  const clients: FtpClient[] = []

  beforeAll(async () => {
    server = await startServerProcess({
      server: {
        limits: {
          failedLoginDelayMilliseconds: 0,
          loginTimeoutSeconds: timeoutSeconds,
          transferStallTimeoutSeconds: timeoutSeconds,
        },
      },
      ...(preload !== undefined && { preload }),
    })
    endurance = await beginEndurance(server)
  })

  afterAll(() => server.dispose())

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await endurance.check()
  })

  async function connect(): Promise<FtpClient> {
    const client = await FtpClient.connect(server.port)
    clients.push(client)
    return client
  }

  /** Others are answered all the while, and when it is over the server has ended the connection. */
  async function withstands(socket: Socket, version: TlsVersion, session?: Buffer): Promise<void> {
    socket.on('error', () => undefined)
    const records = await unaskedRecordsOver(socket, version, session && { session })
    const other = await connect()
    await other.login()
    const before = await server.residentBytes()
    const storming = storm(socket, records, mostRecords)
    const over = storming.then(() => true)
    let peak = 0
    for (let answered = 0; answered < 20 || !(await Promise.race([over, Promise.resolve(false)])); answered += 1) {
      expect((await other.send('NOOP')).code).toBe(200)
      peak = Math.max(peak, await server.residentBytes())
    }
    expect(await storming).toBeGreaterThan(fewestRecords)
    expect(peak - before).toBeLessThan(48 * megabyte)
    // An end is seen by who reads.
    socket.resume()
    await eventually(() => socket.destroyed, 'the end of the connection')
  }

  describe.each(tlsVersions)('clients that ask over %s for what they do not read', version => {
    test('are ended on a control connection', async () => {
      const client = await connect()
      expect((await client.send('AUTH TLS')).code).toBe(234)
      client.socket.removeAllListeners('data')
      await withstands(client.socket, version)
    })

    test('are ended on a data connection, and only that, with their upload', async () => {
      const client = await connect()
      await client.loginSecurely({ maxVersion: version })
      const data = await client.passive()
      expect((await client.send('STOR file')).code).toBe(150)
      await withstands(data, version, client.session)
      expect((await client.reply()).code).toBe(426)
      expect((await client.send('NOOP')).code).toBe(200)
    })
  })
})
