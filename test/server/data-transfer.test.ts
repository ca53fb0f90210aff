import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import type { CertificateFiles } from '../../server/config/configuration.ts'
import { bareOf } from '../../server/data/bare-connection.ts'
import { SocketConnection } from '../../server/data/connection.ts'
import type { DataConnection } from '../../server/data/data-connection.ts'
import { loadSendfile } from '../../server/data/kernel/sendfile.ts'
import { transferMeans } from '../../server/data/means.ts'
import { runTransfer } from '../../server/data/moving/run-transfer.ts'
import type { TransferOptions, TransferResult } from '../../server/data/moving/transfer.ts'
import { TlsDataConnection } from '../../server/data/tls-data-connection.ts'
import { StorageError } from '../../server/storage/storage.ts'
import {
  acceptOn,
  barePair,
  connectedPair,
  MemoryReadable,
  MemoryWritable,
  pattern,
  python,
  readAll,
  type TlsVersion,
  testCertificate,
  testOpenSsl,
  testSessionTls,
  tlsClient,
  tlsVersions,
} from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'

let certificate: CertificateFiles
beforeAll(async () => {
  certificate = await testCertificate()
})

const openssl = testOpenSsl()

const never = new AbortController().signal
const defaults: TransferOptions = {
  signal: never,
  stallTimeoutSeconds: 10,
  rejectTruncated: false,
  onProgress: () => {},
  means: transferMeans(),
}
/** With calls of the kernel, which knows what moves. */
const inKernel = transferMeans(loaded())

/** With a socket of Node's from the start, with none as long as none is needed, and with none at all. */
const secured = [...tlsVersions, 'bare TLSv1.2', 'bare TLSv1.3'] as const
const protections = ['clear', 'bare', ...secured] as const
type Ends = { client: Socket; raw: Socket; connection: DataConnection }

async function open(protection: (typeof protections)[number], direction: 'send' | 'receive'): Promise<Ends> {
  if (protection === 'clear') {
    const { client, server } = await connectedPair()
    return { client, raw: client, connection: new SocketConnection(server) }
  }
  if (protection === 'bare') {
    const { client, server } = await barePair()
    return { client, raw: client, connection: new SocketConnection(server) }
  }
  let client: TLSSocket | undefined
  let isSecure: Promise<unknown> | undefined
  const raw = Promise.withResolvers<Socket>()
  const { server } = await connectedPair(port => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    raw.resolve(socket)
    client = tlsClient(port, versionOf(protection), { socket })
    isSecure = once(client, 'secureConnect')
    isSecure.catch(() => {})
    return client
  })
  const connection = await protect(server, protection, direction)
  await isSecure
  if (client === undefined) throw new Error('no client')
  return { client, raw: await raw.promise, connection }
}

function versionOf(protection: (typeof secured)[number]): TlsVersion {
  return protection.endsWith('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3'
}

async function protect(
  socket: Socket,
  protection: (typeof secured)[number],
  direction: 'send' | 'receive',
): Promise<DataConnection> {
  if (!protection.startsWith('bare'))
    return new SocketConnection(socket, await testSessionTls(certificate).secureData(socket, never, direction))
  const taken = bareOf(socket, openssl.socketCalls)
  if (taken === undefined) throw new Error('no bare connection')
  const session = testSessionTls(certificate, {}, 5, openssl)
  const tls = await session.secureBareData(taken.connection, never, direction, { early: taken.early, demand: 'none' })
  return new TlsDataConnection(tls, direction === 'receive' ? 'due' : 'sent')
}

function loaded() {
  const sendfile = loadSendfile()
  if ('reason' in sendfile) throw new Error(sendfile.reason)
  return sendfile
}

function send(
  connection: DataConnection,
  file: MemoryReadable,
  options: Partial<TransferOptions> = {},
  type: 'ascii' | 'image' = 'image',
) {
  return runTransfer({ kind: 'send-file', file, path: '/f', type }, connection, { ...defaults, ...options })
}

function receive(
  connection: DataConnection,
  file: MemoryWritable,
  options: Partial<TransferOptions> = {},
  type: 'ascii' | 'image' = 'image',
) {
  return runTransfer({ kind: 'receive-file', file, path: '/f', type }, connection, { ...defaults, ...options })
}

describe.each(protections)('runTransfer, %s', protection => {
  const secure = protection !== 'clear' && protection !== 'bare'

  it.each([0, 1, 65_536, 3_000_000])('sends a file of %i bytes', async size => {
    const { client, connection } = await open(protection, 'send')
    const file = new MemoryReadable(pattern(size))
    const [result, received] = await Promise.all([send(connection, file), readAll(client)])
    expect(received.equals(pattern(size))).toBe(true)
    expect(result).toMatchObject({ outcome: 'complete', bytes: size })
    expect(file.closed).toBe(true)
  })

  it.each([0, 1, 65_536, 3_000_000])('receives a file of %i bytes', async size => {
    const { client, connection } = await open(protection, 'receive')
    const file = new MemoryWritable()
    client.resume().end(pattern(size))
    const result = await receive(connection, file, { rejectTruncated: true })
    expect(result).toMatchObject({ outcome: 'complete', bytes: size, ...(secure ? { closeNotify: true } : {}) })
    expect(file.bytes.equals(pattern(size))).toBe(true)
    expect(file.state).toBe('finished')
  })

  it('sends on a connection that could receive as well', async () => {
    const { client, connection } = await open(protection, 'receive')
    const [result, received] = await Promise.all([
      send(connection, new MemoryReadable(pattern(500_000))),
      readAll(client),
    ])
    expect(received.equals(pattern(500_000))).toBe(true)
    expect(result.outcome).toBe('complete')
  })

  it('keeps all bytes for a storage that is slower than the client', async () => {
    const { client, connection } = await open(protection, 'receive')
    const file = new MemoryWritable()
    file.onWrite = () => new Promise(resolve => setTimeout(resolve, 2))
    client.resume().end(pattern(6_000_000))
    const result = await receive(connection, file)
    expect(result).toMatchObject({ outcome: 'complete', bytes: 6_000_000, ...(secure ? { closeNotify: true } : {}) })
    expect(file.bytes.equals(pattern(6_000_000))).toBe(true)
  })

  it('does not read ahead without bound when the storage hangs, and waits for it before the file is closed', async () => {
    const { client, connection } = await open(protection, 'receive')
    const file = new MemoryWritable()
    const { promise, resolve } = Promise.withResolvers<void>()
    file.onWrite = () => promise
    const stop = new AbortController()
    client.write(pattern(40_000_000))
    const transfer = receive(connection, file, { signal: stop.signal })
    let before = 0
    await eventually(() => {
      const still = before > 100_000 && connection.bytesRead === before
      before = connection.bytesRead
      return still
    }, 'the end of reading')
    expect(before).toBeLessThan(3_000_000)
    client.resume()
    client.on('end', () => client.destroy())
    stop.abort()
    await eventually(() => client.destroyed, 'the abort')
    expect(file.state).toBe('open')
    resolve()
    expect((await transfer).outcome).toBe('aborted')
    expect(file.state).toBe('abandoned')
    client.destroy()
  })

  it('gives up on a storage that hangs when all has arrived', async () => {
    const { client, connection } = await open(protection, 'receive')
    const file = new MemoryWritable()
    file.finish = () => new Promise(() => {})
    client.resume().end(pattern(1000))
    const result = await receive(connection, file, { stallTimeoutSeconds: 1 })
    expect(result).toMatchObject({ outcome: 'storage-failed', storageError: 'failed', bytes: 1000 })
    expect(file.bytes.equals(pattern(1000))).toBe(true)
  })

  it('ends in the middle when the signal aborts', async () => {
    for (const direction of ['send', 'receive'] as const) {
      const { client, connection } = await open(protection, direction)
      const stop = new AbortController()
      const file = new MemoryWritable()
      const onProgress = () => stop.abort()
      const options = { signal: stop.signal, onProgress }
      client.on('data', () => {})
      client.on('end', () => client.destroy())
      if (direction === 'receive') client.write(pattern(1000))
      const result = await (direction === 'send'
        ? send(connection, new MemoryReadable(pattern(50_000_000)), options)
        : receive(connection, file, options))
      expect(result.outcome).toBe('aborted')
      await eventually(() => client.destroyed, 'the abort')
      if (direction === 'receive') expect(file.state).toBe('abandoned')
    }
  })

  it.each([
    ['asking the kernel', inKernel],
    ['not asking it', defaults.means],
  ] as const)('gives up on a client that neither sends nor reads, %s', async (_, means) => {
    for (const direction of ['send', 'receive'] as const) {
      const { client, connection } = await open(protection, direction)
      const options = { stallTimeoutSeconds: 0.2, means }
      const result = await (direction === 'send'
        ? send(connection, new MemoryReadable(pattern(50_000_000)), options)
        : receive(connection, new MemoryWritable(), options))
      expect(result.outcome).toBe('stalled')
      client.destroy()
    }
  })

  it('waits for a client that slowly takes what the kernel has for it, though nobody else sees that', async () => {
    const { client, connection } = await open(protection, 'send')
    const content = pattern(7_000_000)
    const sending = send(connection, new MemoryReadable(content), { stallTimeoutSeconds: 1, means: inKernel })
    const chunks: Buffer[] = []
    // Slowly enough for seconds to pass between two writes of the server.
    for await (const chunk of client) {
      chunks.push(chunk)
      if (chunks.length < 90) await new Promise(resolve => setTimeout(resolve, 25))
    }
    expect(await sending).toMatchObject({ outcome: 'complete', bytes: content.length })
    expect(Buffer.concat(chunks).equals(content)).toBe(true)
  })

  it('loses the connection when the client resets it, in either direction', async () => {
    for (const direction of ['send', 'receive'] as const) {
      const { raw, client, connection } = await open(protection, direction)
      const file = new MemoryWritable()
      client.write(pattern(1000))
      let reset = false
      const onProgress = () => {
        if (!reset) raw.resetAndDestroy()
        reset = true
      }
      const transfer: Promise<TransferResult> =
        direction === 'send'
          ? send(connection, new MemoryReadable(pattern(50_000_000)), { onProgress })
          : receive(connection, file, { onProgress })
      expect((await transfer).outcome).toBe('connection-lost')
      if (direction === 'receive') expect(file.state).toBe('abandoned')
    }
  })

  it('tells the storage’s failure apart from the connection’s', async () => {
    const upload = await open(protection, 'receive')
    const full = new MemoryWritable()
    full.onWrite = async () => {
      throw new StorageError('no-space')
    }
    upload.client.write(pattern(1000))
    expect(await receive(upload.connection, full)).toMatchObject({
      outcome: 'storage-failed',
      storageError: 'no-space',
    })
    expect(full.state).toBe('abandoned')

    const download = await open(protection, 'send')
    const broken = new MemoryReadable(pattern(5_000_000))
    let reads = 0
    broken.onRead = async () => {
      if (++reads === 3) throw new Error('I/O')
    }
    download.client.resume()
    expect(await send(download.connection, broken)).toMatchObject({ outcome: 'storage-failed', storageError: 'failed' })
    expect(broken.closed).toBe(true)
  })

  it('converts line ends both ways', async () => {
    const text = 'one\ntwo\r\nthree\rfour\n'
    const down = await open(protection, 'send')
    const [sent, received] = await Promise.all([
      send(down.connection, new MemoryReadable(Buffer.from(text)), {}, 'ascii'),
      readAll(down.client),
    ])
    expect(received.toString()).toBe('one\r\ntwo\r\nthree\rfour\r\n')
    expect(sent.bytes).toBe(received.length)
    const up = await open(protection, 'receive')
    const file = new MemoryWritable()
    up.client.resume().end('one\r\ntwo\nthree\r')
    expect((await receive(up.connection, file, {}, 'ascii')).bytes).toBe(15)
    expect(file.bytes.toString()).toBe('one\ntwo\nthree\r')
  })

  it('sends a listing and stops it with the connection', async () => {
    const { client, connection } = await open(protection, 'send')
    async function* lines() {
      for (let line = 0; line < 1000; line++) yield Buffer.from(`line ${line}\r\n`)
    }
    const transfer = runTransfer({ kind: 'send-listing', chunks: lines(), path: '/' }, connection, defaults)
    const received = await readAll(client)
    expect((await transfer).outcome).toBe('complete')
    expect(received.toString().split('\r\n').length).toBe(1001)

    let returned = false
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(65_536)
      } finally {
        returned = true
      }
    }
    const cut = await open(protection, 'send')
    const lost = runTransfer({ kind: 'send-listing', chunks: endless(), path: '/' }, cut.connection, defaults)
    cut.client.once('data', () => cut.raw.resetAndDestroy())
    expect((await lost).outcome).toBe('connection-lost')
    expect(returned).toBe(true)
  })
})

describe.each(secured)('an upload over %s with a record that is not the client’s', protection => {
  it.each([0, 10_000, 3_000_000])('loses the connection there, behind %i bytes', async size => {
    const { raw, client, connection } = await open(protection, 'receive')
    const file = new MemoryWritable()
    const transfer = receive(connection, file)
    client.on('error', () => {})
    client.resume()
    if (size > 0) client.write(pattern(size))
    await eventually(() => file.bytes.length === size, 'all before it')
    // Of application data (RFC 8446 section 5.2).
    raw.write(Buffer.concat([Buffer.from([0x17, 3, 3, 0, 100]), Buffer.alloc(100, 7)]))
    expect((await transfer).outcome).toBe('connection-lost')
    expect(file.state).toBe('abandoned')
    expect(file.bytes.equals(pattern(size))).toBe(true)
  })
})

describe.each(secured)('an upload over %s without close_notify', protection => {
  // Between records: all of them whole, then FIN. Within a record: its header promises more than comes.
  it.each([
    { where: 'between records', rest: Buffer.alloc(0), accepted: [true, false] },
    { where: 'within a record', rest: Buffer.from([0x17, 3, 3, 0x40, 0, 1, 2, 3]), accepted: [false, false] },
  ])(
    'ends with FIN $where: accepted if nothing is missing for sure and the configuration allows it',
    async ({ rest, accepted }) => {
      for (const [index, rejectTruncated] of [false, true].entries()) {
        const complete = accepted[index] === true
        const { client, raw, connection } = await open(protection, 'receive')
        const file = new MemoryWritable()
        const transfer = receive(connection, file, { rejectTruncated })
        await new Promise<void>((resolve, reject) =>
          client.write(pattern(200_000), error => (error ? reject(error) : resolve())),
        )
        raw.end(rest)
        const result = await transfer
        expect(result.outcome).toBe(complete ? 'complete' : 'truncated')
        expect(file.state).toBe(complete ? 'finished' : 'abandoned')
        expect(file.bytes.equals(pattern(200_000))).toBe(true)
        raw.destroy()
      }
    },
  )

  it('arrives whole from clients that write and close without reading', async () => {
    const size = 5_000_000
    const results: TransferResult[] = []
    const files: MemoryWritable[] = []
    const listener = await acceptOn(async socket => {
      const connection = await protect(socket, protection, 'receive')
      const file = new MemoryWritable()
      files.push(file)
      results.push(await receive(connection, file))
    })
    await python(
      `
import socket, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
context.maximum_version = context.minimum_version = ssl.TLSVersion.${versionOf(protection).replace('.', '_')}
data = b''.join(i.to_bytes(4, 'big') for i in range(0, ${size}, 4))
for turn in range(10):
    secure = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
    secure.sendall(data)
    secure.close()
`,
      String(listener.port),
    )
    await eventually(() => results.length === 10, 'ten uploads')
    listener.close()
    expect(results.map(({ outcome, bytes }) => ({ outcome, bytes }))).toEqual(
      Array.from({ length: 10 }, () => ({ outcome: 'complete', bytes: size })),
    )
    expect(files.every(file => file.state === 'finished' && file.bytes.equals(pattern(size)))).toBe(true)
  })

  it('knows close_notify from Python’s unwrap', async () => {
    const results: TransferResult[] = []
    const listener = await acceptOn(async socket => {
      const connection = await protect(socket, protection, 'receive')
      results.push(await receive(connection, new MemoryWritable(), { rejectTruncated: true }))
    })
    await python(
      `
import socket, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
context.maximum_version = context.minimum_version = ssl.TLSVersion.${versionOf(protection).replace('.', '_')}
secure = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
secure.sendall(bytes(1000000))
secure.unwrap().close()
`,
      String(listener.port),
    )
    await eventually(() => results.length === 1, 'the upload')
    listener.close()
    expect(results[0]).toMatchObject({ outcome: 'complete', closeNotify: true, bytes: 1_000_000 })
  })
})

describe('a download', () => {
  it.each(secured)('over %s ends with close_notify, which Python demands', async protection => {
    const results: TransferResult[] = []
    const listener = await acceptOn(async socket => {
      const connection = await protect(socket, protection, 'send')
      results.push(await send(connection, new MemoryReadable(pattern(2_000_000))))
    })
    const output = await python(
      `
import socket, ssl, sys
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
context.maximum_version = context.minimum_version = ssl.TLSVersion.${versionOf(protection).replace('.', '_')}
secure = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))), suppress_ragged_eofs=False)
total = 0
while True:
    data = secure.recv(65536)
    if not data: break
    total += len(data)
secure.unwrap()
print(total)
`,
      String(listener.port),
    )
    expect(output.trim()).toBe('2000000')
    await eventually(() => results.length === 1, 'the end of the download')
    listener.close()
    expect(results[0]?.outcome).toBe('complete')
  })

  it('waits for the client to close before it is complete, but not for ever', async () => {
    const { client, connection } = await open('clear', 'send')
    let complete = false
    const transfer = send(connection, new MemoryReadable(pattern(1000))).finally(() => {
      complete = true
    })
    client.resume()
    await once(client, 'end')
    const other = await open('clear', 'send')
    await Promise.all([send(other.connection, new MemoryReadable(pattern(1000))), readAll(other.client)])
    expect(complete).toBe(false)
    client.end()
    expect((await transfer).outcome).toBe('complete')

    const second = await open('clear', 'send')
    second.client.resume()
    expect((await send(second.connection, new MemoryReadable(pattern(1000)))).outcome).toBe('complete')
    second.client.destroy()
  })
})
