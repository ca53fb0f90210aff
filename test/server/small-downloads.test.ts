/** Small files in memory, which are sent at once: as whole, and with the same replies, as all others. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SocketConnection } from '../../server/data/connection.ts'
import { loadSendfile } from '../../server/data/kernel/sendfile.ts'
import type { SocketCalls } from '../../server/data/kernel/socket-calls.ts'
import { type TransferMeans, transferMeans } from '../../server/data/means.ts'
import { runTransfer } from '../../server/data/moving/run-transfer.ts'
import { sendAtOnce } from '../../server/data/moving/send-at-once.ts'
import type { Transfer } from '../../server/data/moving/transfer.ts'
import type { ReadableFile } from '../../server/storage/storage.ts'
import { connectedPair, MemoryReadable, pattern, readAll } from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { startServer, type TestServer } from '../support/server.ts'

const sizes = [0, 1, 4096, 65_535, 65_536, 300_000]

describe('A server with files in memory', () => {
  test.each(sizes)('sends a file of %i bytes whole, and from an offset', async size => {
    const { client } = await start(size)
    for (const offset of new Set([0, Math.floor(size / 2), size])) {
      await client.send(`REST ${offset}`)
      const { bytes, opening, end } = await client.download('RETR file')
      expect([opening.code, end.code]).toEqual([150, 226])
      expect(opening.text).toBe(`Sending ${size - offset} bytes.`)
      expect(bytes.equals(pattern(size).subarray(offset))).toBe(true)
    }
  })

  test('says 150 to a client that has not connected yet, and sends when it has', async () => {
    const { client } = await start(4096)
    const answer = await client.send('EPSV')
    expect((await client.send('RETR file')).code).toBe(150)
    const data = connect(Number(/\d+/.exec(answer.text)?.[0]), '127.0.0.1')
    expect((await readAll(data)).equals(pattern(4096))).toBe(true)
    expect((await client.reply()).code).toBe(226)
  })

  test('counts it, and tells of it as of any other', async () => {
    const { client, server } = await start(4096)
    await client.download('RETR file')
    const line = await eventually(() => server.log().find(({ verb }) => verb === 'RETR'), 'the transfer is in the log')
    expect(line).toMatchObject({ path: '/file', bytes: 4096, code: 226, mode: 'passive' })
    const metrics = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
    expect(metrics).toMatch(/^ftp_\w*bytes_total\{direction="download"\} 4096$/m)
  })
})

describe('What is sent at once', () => {
  const calls = loadedCalls()

  test('is whole and ended', async () => {
    const { client, connection, file } = await pair(pattern(4096))
    const received = readAll(client)
    expect(sendAtOnce(file, connection, means())).toBe(true)
    expect((await received).equals(pattern(4096))).toBe(true)
    expect(connection.bytesWritten).toBe(4096)
    connection.destroy()
  })

  test('is finished in the usual way where the kernel takes less', async () => {
    let sent = 0
    const little: SocketCalls = {
      ...calls,
      send: (socket, bytes, then) => {
        sent += 1
        return calls.send(socket, bytes.subarray(0, 1000), then)
      },
      end: () => false,
    }
    const { client, connection, file } = await pair(pattern(20_000))
    const received = readAll(client)
    const result = await runTransfer(download(file), connection, options({ ...means(), socketCalls: little }))
    expect(result).toMatchObject({ outcome: 'complete', bytes: 20_000 })
    expect((await received).equals(pattern(20_000))).toBe(true)
    expect(sent).toBe(1)
  })

  test('is not taken for whole where the client has reset the connection', async () => {
    const { client, connection, file } = await pair(pattern(4096))
    client.resetAndDestroy()
    await eventually(() => !sendAtOnce(file, connection, means()), 'the loss')
    expect((await runTransfer(download(file), connection, options(means()))).outcome).toBe('connection-lost')
  })

  test('is no text, nothing large and nothing without the calls', async () => {
    const { connection } = await pair(pattern(1))
    const never = { ...means(), socketCalls: undefined }
    expect(sendAtOnce(passing(pattern(65_536)), connection, means())).toBe(false)
    expect(sendAtOnce(new MemoryReadable(pattern(100)), connection, means())).toBe(false)
    expect(sendAtOnce(passing(pattern(100)), connection, never)).toBe(false)
    expect(connection.bytesWritten).toBe(0)
    connection.destroy()
  })
})

async function start(size: number): Promise<{ server: TestServer; client: FtpClient }> {
  const server = await startServer({ volume: 'memory' })
  onTestFinished(() => server.stop())
  writeFileSync(join(server.root, 'file'), pattern(size))
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login()
  await client.send('TYPE I')
  return { server, client }
}

function means(): TransferMeans {
  const sendfile = loadSendfile()
  if ('reason' in sendfile) throw new Error(sendfile.reason)
  return transferMeans(sendfile)
}

function loadedCalls(): SocketCalls {
  const { socketCalls } = means()
  if (socketCalls === undefined) throw new Error('no calls for sockets')
  return socketCalls
}

function options(all: TransferMeans) {
  const { signal } = new AbortController()
  return { signal, stallTimeoutSeconds: 10, rejectTruncated: false, onProgress: () => {}, means: all }
}

function download(file: ReadableFile): Transfer & { readonly kind: 'send-file' } {
  return { kind: 'send-file', file, path: '/file', type: 'image' }
}

/** A file that can be sent at once. */
function passing(content: Buffer): ReadableFile {
  let position = 0
  return {
    size: content.length,
    offset: 0,
    async read(buffer) {
      const count = content.copy(buffer, 0, position)
      position += count
      return count
    },
    passAtOnce(buffer, send) {
      const read = content.copy(buffer, 0, position)
      const taken = send(buffer.subarray(0, read))
      position += taken
      return { taken, read }
    },
    async close() {},
  }
}

async function pair(content: Buffer) {
  const { client, server } = await connectedPair()
  onTestFinished(() => void client.destroy())
  return { client, connection: new SocketConnection(server), file: passing(content) }
}
