/** A control connection without manners: bytes as they are, closed as it pleases. */
import { connect, type Socket } from 'node:net'
import { eventually } from './eventually.ts'

export class RawConnection {
  readonly socket: Socket
  readonly #received: Buffer[] = []
  #bytes = 0
  #closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length
      // Floods are answered by floods; the beginning is enough to look at.
      if (this.#bytes < 1_000_000) this.#received.push(chunk)
    })
    socket.on('error', () => undefined)
    socket.on('end', () => (this.#closed = true))
    socket.on('close', () => (this.#closed = true))
  }

  static async open(port: number, options: { readonly localAddress?: string } = {}): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true, ...options })
    const connection = new RawConnection(socket)
    await eventually(() => !socket.connecting, 'a connection')
    return connection
  }

  /** The beginning of what came. */
  get text(): string {
    return Buffer.concat(this.#received).toString('latin1')
  }

  /** Whether the other side has ended the connection. */
  get closed(): boolean {
    return this.#closed
  }

  /** Resolves when all is handed to the kernel, or can't be any more. */
  async write(bytes: string | Uint8Array): Promise<void> {
    const { socket } = this
    if (this.#closed || socket.destroyed) return
    await new Promise<void>(resolve => {
      socket.once('close', resolve)
      socket.write(bytes, () => {
        socket.off('close', resolve)
        resolve()
      })
    })
  }

  /** Writes as long as the kernel takes it at once, up to a number of bytes; gives how many it took. */
  fill(block: Uint8Array, maxBytes: number): number {
    let written = 0
    while (written < maxBytes && this.socket.writable) {
      written += block.length
      if (!this.socket.write(block)) break
    }
    return written
  }

  /** Closes this side only. */
  end(): void {
    this.socket.end()
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  async untilClosed(deadlineMilliseconds = 30_000): Promise<string> {
    await eventually(() => this.#closed, 'the server closes the connection', deadlineMilliseconds)
    this.socket.destroy()
    return this.text
  }

  async untilReceived(pattern: RegExp, deadlineMilliseconds = 30_000): Promise<string> {
    await eventually(() => pattern.test(this.text), `${pattern} is received`, deadlineMilliseconds)
    return this.text
  }
}
