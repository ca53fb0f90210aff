/** Large downloads under TLS, which threads send. */
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { bareOf } from '../../server/data/bare-connection.ts'
import { transferMeans } from '../../server/data/means.ts'
import { runTransfer } from '../../server/data/moving/run-transfer.ts'
import type { TransferOptions } from '../../server/data/moving/transfer.ts'
import { TlsDataConnection } from '../../server/data/tls-data-connection.ts'
import type { ReadableFile } from '../../server/storage/storage.ts'
import {
  connectedPair,
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

const openssl = testOpenSsl()
const content = pattern(40_000_000)
const means = transferMeans()
let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

describe.each(tlsVersions)('a large download over %s', version => {
  it('is sent by a thread, whole', async () => {
    const { client, connection } = await connected(version)
    const file = await readable(content)
    const [result, received] = await Promise.all([sent(file, connection), readAll(client)])
    expect(received.equals(content)).toBe(true)
    expect(result).toMatchObject({ outcome: 'complete', bytes: content.length })
    expect(file.transmitted).toBeGreaterThan(content.length / 2)
  })

  it('goes on where a client had no room, wherever that was', async () => {
    const { client, connection } = await connected(version)
    const file = await readable(content, 12_345)
    const chunks: Buffer[] = []
    let bytes = 0
    client.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const before = Math.floor(bytes / 3_000_000)
      bytes += chunk.length
      if (Math.floor(bytes / 3_000_000) === before) return
      // Until it is full, the thread has gone, and the next bytes wait for room.
      client.pause()
      const { reads } = file
      void eventually(() => file.reads > reads || file.closed, 'a call that took less').finally(() => client.resume())
    })
    const [result] = await Promise.all([sent(file, connection), once(client, 'end').then(() => client.end())])
    expect(result.outcome).toBe('complete')
    expect(Buffer.concat(chunks).equals(content.subarray(12_345))).toBe(true)
    expect(file.reads).toBeGreaterThan(3)
  })

  it('serves more clients at once than there are threads', async () => {
    const downloads = Array.from({ length: 8 }, async () => {
      const { client, connection } = await connected(version)
      const [result, received] = await Promise.all([sent(await readable(content), connection), readAll(client)])
      return result.outcome === 'complete' && received.equals(content)
    })
    expect(await Promise.all(downloads)).toEqual(downloads.map(() => true))
  })

  it('ends under the call of its thread when the signal aborts, and keeps no descriptor', async () => {
    const { client, connection, line } = await connected(version)
    const file = await readable(content)
    const abort = new AbortController()
    client.pause()
    const transfer = sent(file, connection, { signal: abort.signal })
    await eventually(() => file.calls > 0, 'a call')
    abort.abort()
    expect((await transfer).outcome).toBe('aborted')
    client.resume()
    await eventually(() => descriptorsOf(line).length === 0, 'the descriptors are closed')
    expect(file.closed).toBe(true)
  })

  it('is lost when the client resets it', async () => {
    const { client, raw, connection, line } = await connected(version)
    const file = await readable(content)
    const transfer = sent(file, connection)
    client.once('data', () => raw.resetAndDestroy())
    expect((await transfer).outcome).toBe('connection-lost')
    await eventually(() => descriptorsOf(line).length === 0, 'the descriptors are closed')
  })

  it('gives up on a client that does not read', async () => {
    const { client, connection } = await connected(version)
    client.pause()
    const result = await sent(await readable(content), connection, { stallTimeoutSeconds: 0.5 })
    expect(result.outcome).toBe('stalled')
    client.destroy()
  })
})

type Connected = { client: TLSSocket; raw: Socket; connection: TlsDataConnection; line: string }

/** With a thread that is free. `line` is what its descriptors lead to. */
async function connected(version: TlsVersion): Promise<Connected> {
  await eventually(() => openssl.threads.take() !== undefined, 'a thread')
  const made = Promise.withResolvers<{ client: TLSSocket; raw: Socket }>()
  const { server } = await connectedPair(port => {
    const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    raw.on('error', () => {})
    const client = tlsClient(port, version, { socket: raw })
    made.resolve({ client, raw })
    return client
  })
  const taken = bareOf(server, openssl.socketCalls)
  if (taken === undefined) throw new Error('no bare connection')
  const session = testSessionTls(certificate, {}, 5, openssl)
  const tls = await session.secureBareData(taken.connection, new AbortController().signal, 'send', {
    early: taken.early,
    demand: 'none',
  })
  const line = readlinkSync(`/proc/self/fd/${taken.connection.descriptor}`)
  return { ...(await made.promise), connection: new TlsDataConnection(tls, 'sent'), line }
}

function sent(file: ReadableFile, connection: TlsDataConnection, options: Partial<TransferOptions> = {}) {
  return runTransfer({ kind: 'send-file', file, path: '/file', type: 'image' }, connection, {
    signal: new AbortController().signal,
    stallTimeoutSeconds: 10,
    rejectTruncated: false,
    onProgress: () => {},
    means,
    ...options,
  })
}

type Watched = ReadableFile & {
  readonly reads: number
  readonly calls: number
  readonly transmitted: number
  readonly closed: boolean
}

/** A file with a descriptor. */
async function readable(bytes: Uint8Array, offset = 0): Promise<Watched> {
  const directory = await mkdtemp(join(tmpdir(), 'ftp-operator-'))
  await writeFile(join(directory, 'file'), bytes)
  const file = await open(join(directory, 'file'))
  onTestFinished(async () => {
    await file.close()
    await rm(directory, { recursive: true })
  })
  const seen = { position: offset, reads: 0, calls: 0, transmitted: 0, closed: false }
  return {
    size: bytes.length,
    offset,
    async read(buffer) {
      seen.reads++
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, seen.position)
      seen.position += bytesRead
      return bytesRead
    },
    async transmit(send) {
      seen.calls++
      const taken = Math.max(0, await send(file.fd, seen.position))
      seen.position += taken
      seen.transmitted += taken
      return taken
    },
    async close() {
      seen.closed = true
    },
    get reads() {
      return seen.reads
    },
    get calls() {
      return seen.calls
    },
    get transmitted() {
      return seen.transmitted
    },
    get closed() {
      return seen.closed
    },
  }
}

/** Descriptors of this process that lead to this connection. */
function descriptorsOf(line: string): readonly number[] {
  return Array.from({ length: 300 }, (_, descriptor) => descriptor).filter(descriptor => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === line
    } catch {
      return false
    }
  })
}
