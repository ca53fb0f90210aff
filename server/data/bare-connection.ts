/**
 * Connections without a socket of Node's: to make one, and to end it, costs more than to move a small file. The handle below it only tells when
 * something has come, and calls of the C library move the bytes. Nothing of the handle is documented: where anything is missing, there are
 * sockets, as ever.
 */
import { Socket, type SocketConstructorOpts } from 'node:net'
import { callIn, type Deadline } from '../deadlines.ts'
import { keepKind } from '../kinds.ts'
import { type End, type Handle, isHandle, ofAccepted } from './bare-handle.ts'
import type { SocketCalls } from './kernel/socket-calls.ts'

/** Whether the connection below a socket of Node's still has another end: false once it was reset, also where nobody reads it. */
export function hasPeer(socket: Socket): boolean {
  const handle: unknown = Reflect.get(socket, '_handle')
  const ask: unknown = Reflect.get(Object(handle), 'getpeername')
  return typeof ask !== 'function' || Reflect.apply(ask, handle, [{}]) === 0
}

/** The connection of a socket that nobody has written to, without it, and what was read of it; undefined where that can't be. The socket is done with. */
export function bareOf(
  socket: Socket,
  calls: SocketCalls,
): { readonly connection: BareConnection; readonly early: Buffer | undefined } | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (socket.destroyed || socket.readableEnded || !isHandle(handle)) return undefined
  // First: to read from the socket would begin to read from the handle.
  Reflect.set(socket, '_handle', null)
  handle.readStop()
  const early: unknown = socket.readableLength > 0 ? socket.read() : undefined
  socket.destroy()
  return { connection: new BareConnection(handle, calls), early: early instanceof Buffer ? early : undefined }
}

/** One accepted connection. Whoever has it closes it, or the socket that is made of it. */
export class BareConnection {
  readonly #handle: Handle
  readonly #calls: SocketCalls
  #state: 'open' | 'closed' = 'open'
  #onReadable: (() => void) | undefined
  #onClose: (() => void) | undefined
  #isLost = false
  /** It never changes while the connection is there. */
  #localEnd: End | undefined
  #stall: Deadline | undefined
  /** What waits for room in the connection: a socket that is written to and not read. */
  #writer: Socket | undefined
  readonly #tell = (): void => this.#onReadable?.()

  constructor(handle: Handle, calls: SocketCalls) {
    this.#handle = handle
    this.#calls = calls
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Closed with it; undefined where it is closed already. */
  get descriptor(): number | undefined {
    return this.closed ? undefined : this.#handle.fd
  }

  /** IPv4 that is mapped into IPv6 may be given as IPv4. Undefined where it is gone already. */
  get remoteAddress(): string | undefined {
    return this.remoteEnd?.address
  }

  get remoteEnd(): End | undefined {
    if (this.closed) return undefined
    const peer = this.#calls.peer(this.#handle.fd)
    if (peer !== undefined) return peer
    const end: Partial<End> = {}
    return this.#handle.getpeername(end) === 0 ? (end as End) : undefined
  }

  /** Undefined once it is closed. */
  get localEnd(): End | undefined {
    if (this.closed) return undefined
    if (this.#localEnd === undefined) {
      const end: Partial<End> = {}
      if (this.#handle.getsockname(end) === 0) this.#localEnd = end as End
    }
    return this.#localEnd
  }

  get localAddress(): string | undefined {
    return this.localEnd?.address
  }

  get localPort(): number | undefined {
    return this.localEnd?.port
  }

  /** Node's socket, half-open, which has the connection from now on, while this is closed; one that is destroyed where that can't be. */
  socket(): Socket {
    const fd = this.closed ? undefined : this.#calls.duplicate(this.#handle.fd)
    this.#onClose = undefined
    this.close()
    if (fd === undefined) return new Socket().destroy()
    return new Socket({ ...ofAccepted, fd })
  }

  /**
   * The same without another descriptor, for a socket that is read by means of `readIntoOne`: what Node would read by itself has no room.
   */
  intoSocket(): Socket {
    if (this.closed) return new Socket().destroy()
    this.#state = 'closed'
    this.#stall?.end()
    this.#onReadable = undefined
    this.#onClose = undefined
    this.#handle.readStop()
    const options: SocketConstructorOpts = { ...ofAccepted }
    return new Socket(Object.assign(options, { handle: this.#handle }))
  }

  /** As those of sockets. */
  setNoDelay(on: boolean): void {
    if (!this.closed) this.#handle.setNoDelay(on)
  }

  setKeepAlive(on: boolean, milliseconds: number): void {
    if (!this.closed) this.#handle.setKeepAlive(on, Math.floor(milliseconds / 1000))
  }

  /** As those of SocketCalls. Once it is closed, nothing is moved any more. */
  send(bytes: Uint8Array, then: 'more' | 'nothing'): number {
    const taken = this.closed ? 0 : this.#calls.send(this.#handle.fd, bytes, then)
    if (taken > 0) this.noteActivity()
    return taken
  }

  receive(into: Uint8Array): number | 'nothing yet' | 'lost' {
    const count = this.closed || this.#isLost ? 'lost' : this.#calls.receive(this.#handle.fd, into)
    // Linux tells of a reset once: whoever asks again would see an ordinary end.
    if (count === 'lost') this.#isLost = true
    else if (count !== 'nothing yet') this.noteActivity()
    return count
  }

  /** What has come, and is still to be received. */
  peek(into: Uint8Array): number | 'nothing yet' | 'lost' {
    const count = this.closed || this.#isLost ? 'lost' : this.#calls.peek(this.#handle.fd, into)
    if (count === 'lost') this.#isLost = true
    return count
  }

  end(): boolean {
    return !this.closed && this.#calls.end(this.#handle.fd)
  }

  /** Another descriptor of the same; undefined where there is none to be had. Whoever asks closes it. */
  duplicate(): number | undefined {
    return this.closed ? undefined : this.#calls.duplicate(this.#handle.fd)
  }

  /**
   * What `send` has not taken: resolves once the kernel has it, and rejects when the connection is lost. Nothing else may be sent meanwhile.
   */
  sendRest(bytes: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new Error('connection closed'))
    const writer = (this.#writer ??= this.#makeWriter())
    return new Promise((resolve, reject) => {
      writer.write(bytes, error => {
        if (error) return reject(error)
        this.noteActivity()
        resolve()
      })
    })
  }

  /** Closes at once with RST. */
  reset(): void {
    if (this.#writer !== undefined) this.#writer.resetAndDestroy()
    else if (!this.closed) this.#handle.reset()
    this.close()
  }

  /** Calls back whenever there is something to receive, or the end of it; `onClose` once, when it is closed. */
  watch(onReadable: () => void, onClose: () => void): void {
    if (this.closed) return onClose()
    this.#onClose = onClose
    if (this.#handle.onread !== this.#tell) {
      // Without room to read into, the handle tells of each time it could read.
      this.#handle.useUserBuffer(noRoom)
      this.#handle.onread = this.#tell
    }
    this.#onReadable = onReadable
    if (this.#handle.readStart() !== 0) this.close()
  }

  /** Calls back no more, until it is watched again. */
  ignore(): void {
    this.#onReadable = undefined
    this.#onClose = undefined
    if (!this.closed) this.#handle.readStop()
  }

  /** Calls back once nothing has moved for so long; 0 milliseconds end that. */
  watchStall(milliseconds: number, onStall: () => void): void {
    this.#stall?.end()
    this.#stall = milliseconds === 0 || this.closed ? undefined : callIn(milliseconds, onStall)
  }

  noteActivity(): void {
    this.#stall?.renew()
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#stall?.end()
    this.#onReadable = undefined
    if (this.#writer === undefined) this.#handle.close()
    else this.#writer.destroy()
    this.#onClose?.()
  }

  /** It has the handle, and closes it; what is read goes past it. */
  #makeWriter(): Socket {
    const isWatched = this.#handle.onread === this.#tell
    const options: SocketConstructorOpts = { ...ofAccepted }
    const writer = new Socket(Object.assign(options, { handle: this.#handle }))
    writer.on('error', () => {})
    writer.once('close', () => this.close())
    if (isWatched) this.#handle.onread = this.#tell
    if (this.#onReadable !== undefined && this.#handle.readStart() !== 0) this.close()
    return writer
  }
}

const noRoom = new Uint8Array(0)

// What the system fills in for us.
keepKind(() => Object.assign({}, { address: '', family: '', port: 0 }))
