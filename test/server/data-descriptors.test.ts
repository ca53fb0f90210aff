/** Descriptors and memory that transfers share with the kernel: nobody else gets them while it may still use them. */
import { readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SocketConnection } from '../../server/data/connection.ts'
import { BufferPool } from '../../server/data/kernel/buffer-pool.ts'
import { loadLibrary } from '../../server/data/kernel/native.ts'
import { readInto } from '../../server/data/kernel/read-into.ts'
import { type KernelSocket, loadSendfile, type Sendfile } from '../../server/data/kernel/sendfile.ts'
import { transferMeans } from '../../server/data/means.ts'
import { runTransfer } from '../../server/data/moving/run-transfer.ts'
import { connectedPair, pattern, readAll } from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'

describe('sendfile', () => {
  it('keeps a descriptor of its own that outlives the socket, until its last call has returned', async () => {
    const sendfile = loaded()
    const { client, server } = await connectedPair()
    client.resume()
    const descriptor = descriptorOf(server)
    const kernel = joined(sendfile, server)
    const connection = readlinkSync(`/proc/self/fd/${descriptor}`)
    const file = await temporaryFile(pattern(4_000_000))
    const running = kernel.send(file, 0, 4_000_000)
    for (let times = 0; times < 5; times++) await Promise.resolve()
    server.destroy()
    kernel.close()
    // Whatever is opened now may get the number of the socket, but not that of the running call.
    expect(descriptorsOf(connection)).toHaveLength(1)
    expect(await running).toBeGreaterThan(0)
    await eventually(() => descriptorsOf(connection).length === 0, 'the descriptor is closed')
  })

  it('takes nothing after it was closed, and closes once', async () => {
    const { client, server } = await connectedPair()
    client.resume()
    const kernel = joined(loaded(), server)
    const file = await temporaryFile(pattern(100))
    kernel.close()
    kernel.close()
    expect(await kernel.send(file, 0, 100)).toBe(0)
    server.destroy()
  })

  it('sends from a position, and takes nothing at the end or what nobody reads', async () => {
    const { client, server } = await connectedPair()
    client.pause()
    const kernel = joined(loaded(), server)
    const file = await temporaryFile(pattern(20_000_000))
    expect(await kernel.send(file, 19_999_000, 5000)).toBe(1000)
    expect(await kernel.send(file, 20_000_000, 5000)).toBe(0)
    await eventually(async () => (await kernel.send(file, 0, 1_000_000)) <= 0, 'the connection is full')
    kernel.close()
    client.destroy()
    server.destroy()
  })

  it.each([
    ['not waiting', undefined],
    ['waiting', alone],
  ] as const)('serves many connections at once, in turn, %s', async (_, waiting) => {
    const sendfile = loaded()
    const content = pattern(8_000_000)
    const file = await temporaryFile(content)
    const sent = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { client, server } = await connectedPair()
        server.pause()
        const received = readAll(client)
        const kernel = joined(sendfile, server)
        for (let position = 0; position < content.length; ) {
          position += Math.max(0, await kernel.send(file, position, 5_000_000, waiting))
        }
        kernel.close()
        server.end()
        return await received
      }),
    )
    for (const bytes of sent) expect(bytes.equals(content)).toBe(true)
  })

  it('waits in the call for a client that reads, and not for long for one that does not', async () => {
    const { client, server } = await connectedPair()
    server.pause()
    const descriptor = descriptorOf(server)
    const kernel = joined(loaded(), server)
    const content = pattern(20_000_000)
    const file = await temporaryFile(content)
    client.pause()
    const running = kernel.send(file, 0, content.length, alone)
    expect(neverWaits(descriptor)).toBe(false)
    const taken = await running
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(content.length)
    expect(neverWaits(descriptor)).toBe(true)

    const received = readAll(client)
    // The client is of this process, which may be slow on a busy machine.
    for (let sent = taken; sent < content.length; )
      sent += Math.max(0, await kernel.send(file, sent, content.length, alone))
    expect(neverWaits(descriptor)).toBe(true)
    kernel.close()
    server.end()
    expect((await received).equals(content)).toBe(true)
  })

  it('waits no more once somebody else wants the thread', async () => {
    const { client, server } = await connectedPair()
    server.pause()
    const descriptor = descriptorOf(server)
    const kernel = joined(loaded(), server)
    const content = pattern(20_000_000)
    const file = await temporaryFile(content)
    let asked = 0
    const isWanted = () => {
      asked++
      return true
    }
    // It takes little, again and again, so that the call itself would go on.
    client.pause()
    const taking = setInterval(() => client.read(65_536), 10)
    const running = kernel.send(file, 0, content.length, { isWanted })
    expect(neverWaits(descriptor)).toBe(false)
    await eventually(() => neverWaits(descriptor), 'it waits no more')
    expect(asked).toBeGreaterThan(0)
    expect(await running).toBeLessThan(content.length)
    clearInterval(taking)
    kernel.close()
    client.destroy()
    server.destroy()
  })

  it('lets bytes wait for those that fill the packet with them', async () => {
    const { client, server } = await connectedPair()
    server.setNoDelay(true)
    expect(hasNoDelay(descriptorOf(server))).toBe(true)
    const kernel = joined(loaded(), server)
    expect(hasNoDelay(descriptorOf(server))).toBe(false)
    kernel.close()
    client.destroy()
    server.destroy()
  })

  it('never waits while the connection is read from', async () => {
    const { client, server } = await connectedPair()
    server.resume()
    await eventually(() => Reflect.get(Object(Reflect.get(server, '_handle')), 'reading') === true, 'it is read')
    const kernel = joined(loaded(), server)
    const file = await temporaryFile(pattern(1000))
    const running = kernel.send(file, 0, 1000, alone)
    expect(neverWaits(descriptorOf(server))).toBe(true)
    expect(await running).toBe(1000)
    kernel.close()
    client.destroy()
    server.destroy()
  })

  it('ends a connection under its call', async () => {
    const { client, server } = await connectedPair()
    server.pause()
    const kernel = joined(loaded(), server)
    const content = pattern(20_000_000)
    const file = await temporaryFile(content)
    const running = kernel.send(file, 0, content.length, alone)
    kernel.stop('end')
    expect((await readAll(client)).length).toBeLessThan(content.length)
    expect(await running).toBeLessThan(content.length)
    kernel.close()
    server.destroy()
  })

  it('ends a connection whose next call waits for its turn: nothing is sent by that any more', async () => {
    const { client, server } = await connectedPair()
    server.pause()
    const kernel = joined(loaded(), server)
    const file = await temporaryFile(pattern(1000))
    client.resume()
    server.destroy()
    kernel.stop('end')
    await eventually(() => client.readableEnded, 'the client sees the end')
    expect(client.bytesRead).toBe(0)
    expect(await kernel.send(file, 0, 1000)).toBeLessThanOrEqual(0)
    kernel.close()
  })

  it('leaves no client waiting for a volume that hangs: RST tells it at once', async () => {
    const { client, server } = await connectedPair()
    let failure: Error | undefined
    client.resume().on('error', error => {
      failure = error
    })
    const hanging = Promise.withResolvers<number>()
    const file = {
      size: 1_000_000,
      offset: 0,
      read: () => hanging.promise,
      transmit: () => hanging.promise,
      close: async () => undefined,
    }
    const transfer = runTransfer(
      { kind: 'send-file', file, path: '/file', type: 'image' },
      new SocketConnection(server),
      {
        signal: new AbortController().signal,
        stallTimeoutSeconds: 0.1,
        rejectTruncated: false,
        onProgress: () => undefined,
        means: transferMeans(loaded()),
      },
    )
    await eventually(() => failure !== undefined, 'the client is told')
    expect(failure).toMatchObject({ code: 'ECONNRESET' })
    expect(await transfer).toMatchObject({ outcome: 'stalled' })
    hanging.resolve(0)
  })
})

describe('reading into memory of ours', () => {
  it('works on this Node', async () => {
    const { client, server } = await connectedPair()
    const memory = Buffer.alloc(100)
    let count = 0
    const release = readInto(server, {
      room: () => memory.subarray(count),
      onBytes: more => {
        count += more
        return 'room'
      },
    })
    expect(release).toBeDefined()
    server.resume()
    client.write('content')
    await eventually(() => count === 7, 'the bytes')
    expect(memory.subarray(0, 7).toString()).toBe('content')

    release?.()
    client.write('nothing of this')
    await eventually(() => server.bytesRead === 22, 'more bytes')
    expect(memory.subarray(7).every(byte => byte === 0)).toBe(true)
    client.destroy()
    server.destroy()
  })

  it('is done without where Node has no door to it', async () => {
    const { client, server } = await connectedPair()
    const field = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'kBufferCb')
    Reflect.deleteProperty(server, field ?? '')
    expect(readInto(server, { room: () => Buffer.alloc(1), onBytes: () => 'room' })).toBeUndefined()
    const chunks: Buffer[] = []
    client.end(pattern(3_000_000))
    const connection = new SocketConnection(server)
    await connection.receive(bytes => void chunks.push(Buffer.from(bytes)), { buffers: new BufferPool() })
    expect(Buffer.concat(chunks).equals(pattern(3_000_000))).toBe(true)
    expect(connection.bytesRead).toBe(3_000_000)
    connection.destroy()
  })
})

/** Nobody else wants the thread. */
const alone = { isWanted: () => false }

function loaded(): Sendfile {
  const sendfile = loadSendfile()
  if ('reason' in sendfile) throw new Error(sendfile.reason)
  return sendfile
}

function joined(sendfile: Sendfile, socket: Socket): KernelSocket {
  const kernel = sendfile.join(socket)
  if (kernel === undefined) throw new Error('no descriptor')
  return kernel
}

function descriptorOf(socket: Socket): number {
  return Number(Reflect.get(Object(Reflect.get(socket, '_handle')), 'fd'))
}

/** O_NONBLOCK. */
function neverWaits(descriptor: number): boolean {
  const [, flags = ''] = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? []
  return (Number.parseInt(flags, 8) & 0o4000) !== 0
}

/** TCP_NODELAY. */
function hasNoDelay(descriptor: number): boolean {
  const getsockopt = loadLibrary().func('int getsockopt(int fd, int level, int option, void *value, void *bytes)')
  const value = new Int32Array(1)
  expect(getsockopt(descriptor, 6, 1, value, Uint32Array.of(value.byteLength))).toBe(0)
  return value[0] !== 0
}

async function temporaryFile(content: Uint8Array): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'ftp-operator-'))
  await writeFile(join(directory, 'file'), content)
  const file = await open(join(directory, 'file'))
  onTestFinished(async () => {
    await file.close()
    await rm(directory, { recursive: true })
  })
  return file.fd
}

/** Descriptors of this process that lead to this connection. */
function descriptorsOf(connection: string): readonly number[] {
  return Array.from({ length: 300 }, (_, descriptor) => descriptor).filter(descriptor => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === connection
    } catch {
      return false
    }
  })
}
