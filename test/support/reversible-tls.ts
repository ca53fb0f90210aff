/** Control connections that go back from TLS to clear text, as CCC and REIN have it. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { FtpClient } from './ftp-client.ts'

/** AUTH TLS over a stream that the connection outlives. Resolves to what answers the server's close_notify and goes on in clear text. */
export async function startReversibleTls(
  client: FtpClient,
  options: ConnectionOptions = {},
): Promise<() => Promise<FtpClient>> {
  const { socket } = client
  const below = new StreamOver(socket)
  await client.startTls({ ...options, socket: below })
  const { tls } = client
  if (tls === undefined) throw new Error('There is no TLS.')
  const ended = once(tls, 'end')
  return async () => {
    await ended
    const finished = once(tls, 'finish')
    tls.end()
    await finished
    below.release()
    return FtpClient.over(socket)
  }
}

/** A connection as a stream that it outlives. */
export class StreamOver extends Duplex {
  readonly #socket: Socket
  #attached = false

  constructor(socket: Socket) {
    super()
    this.#socket = socket
  }

  release(): void {
    this.#socket.off('data', this.#onData)
  }

  override _read(): void {
    if (!this.#attached) this.#socket.on('data', this.#onData)
    this.#attached = true
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    done()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#socket.pause()
  }
}
