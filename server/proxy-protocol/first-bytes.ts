/** What comes first on a connection, read before whoever the connection is for reads it. */
import { Socket } from 'node:net'
import { keepKind } from '../kinds.ts'

/**
 * Takes a socket that is paused and was not read yet. What is read is kept here and goes back into the socket, or with it to another
 * process: nothing else is read meanwhile, as nothing could put it back in its place there.
 */
export class FirstBytes {
  readonly socket: Socket
  #bytes: Buffer = nothing
  #state: 'unread' | 'stopped' | 'ended' = 'unread'

  /** `early` was read of it already. */
  constructor(socket: Socket, early: Uint8Array = nothing) {
    this.socket = socket
    this.#bytes = early === nothing ? nothing : Buffer.from(early)
  }

  /** What was read and not dropped. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.#state === 'ended' || this.socket.destroyed
  }

  /** For a socket that begins to read by itself, as one from another process does: to be called before it has. What comes is kept here. */
  hold(): this {
    this.#intercept(() => false)
    return this
  }

  /** Resolves as soon as what has come is enough, or the other side has ended or lost the connection. Whoever waits no longer destroys the socket. */
  read(isEnough: (bytes: Buffer) => boolean): Promise<void> {
    const { socket } = this
    if (this.ended || isEnough(this.#bytes)) return Promise.resolve()
    return new Promise(resolve => {
      const settle = (): false => {
        socket.off('close', settle)
        resolve()
        return false
      }
      socket.once('close', settle)
      if (this.#state === 'stopped') this.#goOn()
      this.#intercept(() => (this.#state === 'ended' || isEnough(this.#bytes) ? settle() : true))
      socket.read(0)
    })
  }

  /** Forgets the first of the bytes. */
  drop(count: number): void {
    this.#bytes = this.#bytes.subarray(count)
  }

  /** The socket is as if nothing had been read, but for what was dropped. */
  giveBack(): Socket {
    const { socket } = this
    if (this.#state === 'unread' || socket.destroyed) return socket
    Reflect.deleteProperty(socket, 'push')
    if (this.#bytes.length > 0) socket.unshift(this.#bytes)
    if (this.#state === 'ended') socket.push(null)
    else this.#goOn()
    this.#bytes = nothing
    this.#state = 'unread'
    return socket
  }

  /** In place of what would put it into the stream: `false` stops reading at once, and nothing begins it again. */
  #intercept(onBytes: () => boolean): void {
    this.#state = 'stopped'
    // As in control-channel.ts, not as a function of a property.
    const intercepted = (chunk: Buffer | null): boolean => {
      if (chunk === null) this.#state = 'ended'
      else this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
      return onBytes()
    }
    this.socket.push = intercepted
  }

  /** Without a byte: ends a `read` that was answered with nothing, so that there can be another one. */
  #goOn(): void {
    Reflect.deleteProperty(this.socket, 'push')
    this.socket.push(nothing)
  }
}

const nothing: Buffer = Buffer.alloc(0)

keepKind(() => new FirstBytes(new Socket({ allowHalfOpen: true })))
