/** TLS by OpenSSL itself: how connections end, what waits, and that none has to do with another. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import type { BareConnection } from '../../server/data/bare-connection.ts'
import type { Read } from '../../server/tls/openssl/receiving.ts'
import type { TlsConnection } from '../../server/tls/openssl/tls-connection.ts'
import type { SessionTls } from '../../server/tls/session-tls.ts'
import {
  barePair,
  clientCertificateFor,
  pattern,
  readAll,
  type TlsVersion,
  testCertificate,
  testOpenSsl,
  testSessionTls,
  tlsClient,
  tlsVersions,
} from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'
import { handmadeRecordsOver, recordTypes } from '../support/handmade-records.ts'
import { unaskedRecordsOver } from '../support/unasked-records.ts'

const never = new AbortController().signal
const openssl = testOpenSsl()
let certificate: CertificateFiles
let session: SessionTls

beforeAll(async () => {
  certificate = await testCertificate()
  session = testSessionTls(certificate, {}, 5, openssl)
})

type Pair = { readonly client: TLSSocket; readonly raw: Socket; readonly connection: TlsConnection }

async function secured(version: TlsVersion, options: ConnectionOptions = {}, of = session): Promise<Pair> {
  const { client: raw, server } = await barePair()
  const client = tlsClient(0, version, { ...options, socket: raw })
  const connected = once(client, 'secureConnect')
  const connection = await of.secureBareControl(server, never)
  await connected
  closeAfterwards(raw, connection)
  return { client, raw, connection }
}

function closeAfterwards(raw: Socket, connection: TlsConnection): void {
  onTestFinished(() => {
    connection.close()
    connection.bare.close()
    raw.destroy()
  })
}

/** Reads until it has ended. */
async function readToEnd(connection: TlsConnection): Promise<{ text: string; end: Read }> {
  const into = Buffer.alloc(16_384)
  let text = ''
  let end: Read | undefined
  const step = (): void => {
    const read = connection.read(into)
    if (typeof read === 'number') text += into.toString('latin1', 0, read)
    else if (read !== 'nothing yet') end = read
    if (end !== undefined) connection.bare.ignore()
  }
  connection.bare.watch(step, () => {
    end ??= 'lost'
  })
  await eventually(() => end !== undefined, 'the end')
  return { text, end: end ?? 'lost' }
}

describe.each(tlsVersions)('A connection over %s', version => {
  it('leaves no errors to others after a certificate with a forged signature, which counts as none', async () => {
    const [known, forged] = await Promise.all([clientCertificateFor('operator'), clientCertificateFor('operator')])
    const files = { ...certificate, authority: known.authority }
    const asking = testSessionTls(files, { clientCertificates: 'optional' }, 5, openssl)
    const { connection } = await secured(version, { cert: forged.certificate, key: forged.key }, asking)
    expect(connection.clientCertificate).toBeUndefined()
    expect(openssl.library.ERR_peek_error()).toBe(0)
  })

  it('leaves no errors to others after a write that TLS refuses', async () => {
    const { connection } = await secured(version)
    connection.writeEnd()
    expect(connection.write(Buffer.from('more'))).toBe('lost')
    expect(openssl.library.ERR_peek_error()).toBe(0)
  })

  it('tells the client’s word for the end from an end without it, and both from a loss', async () => {
    const said = await secured(version)
    said.client.end('all of it')
    expect(await readToEnd(said.connection)).toEqual({ text: 'all of it', end: 'end' })
    expect(said.connection.endsWithinRecord).toBe(false)

    const silent = await secured(version)
    silent.client.write('some of it', () => silent.raw.end())
    expect(await readToEnd(silent.connection)).toEqual({ text: 'some of it', end: 'cut' })
    expect(silent.connection.endsWithinRecord).toBe(false)

    const gone = await secured(version)
    gone.raw.resetAndDestroy()
    expect((await readToEnd(gone.connection)).end).toBe('lost')
  })

  it.each([1, 3, 5, 6, 100])('sees that it was cut after %i bytes of a record', async bytes => {
    const { raw, connection } = await secured(version)
    raw.end(Buffer.concat([Buffer.of(0x17, 3, 3, 0x10, 0), Buffer.alloc(200)]).subarray(0, bytes))
    expect((await readToEnd(connection)).end).toBe('cut')
    expect(connection.endsWithinRecord).toBe(true)
  })

  it('answers one record a call of what a client sends besides data, however many have come', async () => {
    const { client: raw, server } = await barePair()
    const [connection, records] = await Promise.all([
      session.secureBareControl(server, never),
      unaskedRecordsOver(raw, version),
    ])
    closeAfterwards(raw, connection)
    const sent = records(1000)
    raw.write(sent)
    const into = Buffer.alloc(2 * sent.length)
    await eventually(() => server.peek(into) === sent.length, 'all of them')
    expect(connection.read(into)).toBe('nothing yet')
    expect(server.peek(into)).toBe(sent.length - sent.length / 1000)
  })

  it('is lost over records that are none', async () => {
    const { raw, connection } = await secured(version)
    raw.write(Buffer.concat([Buffer.of(0x17, 3, 3, 0, 50), Buffer.alloc(50)]))
    expect((await readToEnd(connection)).end).toBe('lost')
  })

  it('reads what came ahead of a broken record, and is lost then', async () => {
    const { client: raw, server } = await barePair()
    const [connection, records] = await Promise.all([
      session.secureBareData(server, never, 'receive', { demand: 'none' }),
      handmadeRecordsOver(raw, version),
    ])
    closeAfterwards(raw, connection)
    const data = ['some', ' of it'].map(text => records.sealed(recordTypes.applicationData, Buffer.from(text)))
    const broken = Buffer.from(records.sealed(recordTypes.applicationData, Buffer.from('more'))).fill(0, 20)
    const sent = Buffer.concat([...data, broken])
    raw.write(sent)
    const into = Buffer.alloc(1000)
    await eventually(() => server.peek(into) === sent.length, 'all of it')
    expect(connection.readAll(into)).toBe(10)
    expect(into.toString('latin1', 0, 10)).toBe('some of it')
    expect(connection.readAll(into)).toBe('lost')
    expect(openssl.library.ERR_peek_error()).toBe(0)
  })

  it('keeps what has no room, in order, and tells when all is gone', async () => {
    const { client, connection } = await secured(version)
    client.pause()
    const bytes = pattern(16_000_000)
    const pieces = Array.from({ length: 250 }, (_, index) => bytes.subarray(index * 64_000, (index + 1) * 64_000))
    const reading = (async () => {
      for (const piece of pieces) if (connection.write(piece) === 'waiting') await connection.untilSent()
      connection.writeEnd()
      await connection.untilSent()
      connection.bare.end()
    })()
    expect((await readAll(client.resume())).equals(bytes)).toBe(true)
    await reading
  })

  it('loses a client that goes while bytes wait for room', async () => {
    const { raw, connection } = await secured(version)
    raw.pause()
    while (connection.write(pattern(64_000)) === 'sent');
    const waiting = connection.untilSent()
    raw.resetAndDestroy()
    await expect(waiting).rejects.toThrow()
    expect(connection.write(pattern(1000))).toBe('lost')
  })

  it('is freed once, after the thread that works with it', async () => {
    const { connection } = await secured(version)
    const { promise, resolve } = Promise.withResolvers<string>()
    const working = connection.inThread(() => promise)
    connection.close()
    connection.close()
    expect(connection.write(pattern(100))).toBe('lost')
    expect(connection.read(Buffer.alloc(100))).toBe('lost')
    resolve('done')
    expect(await working).toBe('done')
    await expect(connection.inThread(() => promise)).rejects.toThrow('closed')
    expect(connection.shakeHands()).toBe('failed')
  })
})

it('What TLS answers by itself on one connection never gets into another', async () => {
  const pairs = await Promise.all(Array.from({ length: 4 }, () => secured('TLSv1.2')))
  const [quiet, ...loud] = pairs
  if (quiet === undefined) throw new Error('no connection')
  let heard = ''
  quiet.client.on('data', bytes => (heard += String(bytes)))
  const into = Buffer.alloc(16_384)
  const refused: unknown[] = []
  for (const { client, connection } of loud) {
    client.on('error', error => refused.push(error))
    connection.bare.watch(
      () => {
        connection.read(into)
        // The very next call is on another connection.
        quiet.connection.write(Buffer.from('x'))
      },
      () => {},
    )
    client.renegotiate({ rejectUnauthorized: false }, () => {})
  }
  await eventually(() => refused.length === loud.length, 'what refuses them')
  quiet.connection.write(Buffer.from('end'))
  await eventually(() => heard.endsWith('xend'), 'what was written')
  expect(heard).toMatch(/^x+end$/)
})

it('What a connection that ends without a word would have said never gets into another', async () => {
  const [left, quiet] = [await secured('TLSv1.3'), await secured('TLSv1.3')]
  let heard = ''
  quiet.client.on('data', bytes => (heard += String(bytes)))
  quiet.client.on('end', () => (heard += ' and the end'))
  left.client.write('some of it')
  const into = Buffer.alloc(65_536)
  let read: Read | undefined
  left.connection.bare.watch(
    () => {
      read = left.connection.readAll(into)
    },
    () => {},
  )
  await eventually(() => read === 10, 'some of it')
  left.connection.close()
  quiet.connection.write(Buffer.from('all of it'))
  quiet.connection.writeEnd()
  await eventually(() => heard === 'all of it and the end', 'all of it')
})

it('No first message, however it is broken, keeps the next client from its handshake', async () => {
  const hello = await helloOf('TLSv1.3')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 5 }),
      fc.nat(hello.length),
      async (changes, length) => {
        const broken = Buffer.from(hello.subarray(0, length))
        for (const [at, byte] of changes) if (at < length) broken[at] = byte
        const { client, server } = await barePair()
        client.end(broken)
        await expect(session.secureBareControl(server, never)).rejects.toMatchObject({ name: 'TlsError' })
        client.destroy()
      },
    ),
    { numRuns: 200 },
  )
  const { connection } = await secured('TLSv1.3')
  expect(connection.protocol).toBe('TLSv1.3')
})

/** The first bytes that a client sends. */
async function helloOf(version: TlsVersion): Promise<Buffer> {
  const { client: raw, server } = await barePair()
  tlsClient(0, version, { socket: raw })
  const hello = await new Promise<Buffer>(resolve => received(server, resolve))
  server.close()
  return hello
}

function received(server: BareConnection, resolve: (bytes: Buffer) => void): void {
  const into = Buffer.alloc(16_384)
  server.watch(
    () => {
      const count = server.receive(into)
      if (typeof count === 'number' && count > 0) resolve(into.subarray(0, count))
    },
    () => {},
  )
}
