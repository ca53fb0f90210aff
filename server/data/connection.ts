/** A data connection, in clear text or under TLS: moves bytes with backpressure, and ends well. */
import type { Socket } from 'node:net'
import type { SecureChannel } from '../tls/secure-channel.ts'
import type { BufferPool } from './buffer-pool.ts'
import { type Absorb, DirectIntake } from './direct-intake.ts'
import { type Consumer, Intake } from './intake.ts'
import { readInto } from './read-into.ts'
import type { KernelSocket, Sendfile } from './sendfile.ts'
import type { SocketCalls } from './socket-calls.ts'
import type { Splice } from './splice.ts'
import { TurnClock } from './turn-clock.ts'

/** How long the client may take to close after the last byte; its slowness costs it this much, but not its transfer. */
const lingerMilliseconds = 5000

/** How the client ended TLS: with close_notify or not (undefined in clear text), or in the middle of a record. */
export type ReceivedEnd = { readonly closeNotify: boolean | undefined; readonly broken: boolean }

export type ReceiveOptions = {
  readonly buffers: BufferPool
  readonly clock?: TurnClock
  /** With what follows: for the kernel to take bytes to a file by itself, which it can in clear text. */
  readonly splice?: Splice | undefined
  /** Undefined where the file has no descriptor. */
  readonly absorb?: Absorb | undefined
  /** Some bytes went that way. */
  readonly onProgress?: () => void
}

export class DataConnection {
  /** What protects it: nothing, or a version of TLS. */
  readonly protection: 'clear' | 'TLSv1.2' | 'TLSv1.3'
  readonly #socket: Socket
  readonly #stream: Socket
  readonly #channel: SecureChannel | undefined
  readonly #pending = new Set<(error: Error) => void>()
  #bytesRead = 0
  #bytesWritten = 0
  #loss: Error | undefined
  #onStall: (() => void) | undefined
  #stallMilliseconds = 0

  /** Takes a connected socket that has not been read from, and the TLS channel over it, if any. */
  constructor(socket: Socket, channel?: SecureChannel) {
    this.#socket = socket
    this.#channel = channel
    this.#stream = channel?.stream ?? socket
    this.protection = channel?.protocol ?? 'clear'
    for (const stream of new Set([this.#socket, this.#stream])) {
      stream.on('error', error => {
        this.#loss ??= error
      })
    }
    this.#stream.once('close', () => {
      this.#loss ??= new Error('connection closed')
      for (const reject of this.#pending) reject(this.#loss)
    })
  }

  /** Bytes received, without those of TLS. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes sent, without those of TLS. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** Resolves when the kernel has the bytes: the buffer may be used again then. Rejects when the connection is lost. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#channel?.beginWriting()
    await this.#operation<void>((resolve, reject) => {
      this.#stream.write(bytes, error => (error ? reject(error) : resolve()))
    })
    this.#bytesWritten += bytes.length
  }

  /**
   * After the last byte, in either direction: close_notify, FIN, and a bounded wait for the client to close as well (RFC 959
   * section 5.2: the reply comes after the data connection is closed). Rejects when the connection is lost before all is sent.
   */
  async end(): Promise<void> {
    await this.shut()
    await this.#closed()
  }

  /** The same without the wait, where the client may have one of its own: for the reply. */
  shut(): Promise<void> {
    return this.#operation<void>((resolve, reject) => {
      this.#stream.end((error?: Error | null) => (error ? reject(error) : resolve()))
      this.#stream.resume()
    })
  }

  /** Sends as many of the bytes as the kernel takes now, which it can in clear text, and returns how many; more must follow, or `endAtOnce`. */
  sendAtOnce(bytes: Uint8Array, calls: SocketCalls): number {
    if (this.#channel !== undefined) return 0
    const taken = calls.send(this.#socket, bytes)
    this.#bytesWritten += taken
    return taken
  }

  /** After the last byte, in clear text: FIN. False if the connection is lost. */
  endAtOnce(calls: SocketCalls): boolean {
    return this.#channel === undefined && this.#stream.writableLength === 0 && calls.end(this.#socket)
  }

  /** After that: a bounded wait for the client to close as well, as `end` has it. */
  closedByClient(): Promise<void> {
    const socket = this.#socket
    socket.once('end', () => socket.destroy())
    socket.resume()
    return this.#closed()
  }

  /** Whether it is closed on both sides. */
  get closed(): boolean {
    return this.#socket.destroyed
  }

  /** For the kernel to send on by itself, which it can in clear text. Close it before the connection. */
  kernelSocket(sendfile: Sendfile | undefined): KernelSocket | undefined {
    return this.#channel === undefined && !this.#socket.destroyed ? sendfile?.join(this.#socket) : undefined
  }

  /** Counts what the kernel sends by itself: `send` resolves to bytes, 0 or less for none, and so does this. Rejects when the connection is lost. */
  async transmit(send: () => Promise<number>): Promise<number> {
    const taken = this.#socket.destroyed ? 0 : await send()
    if (taken > 0) {
      this.#bytesWritten += taken
      this.noteActivity()
    }
    if (this.#socket.destroyed) throw this.#loss ?? new Error('connection closed')
    return taken
  }

  /**
   * Reads to the end. The bytes are valid until `consume` is done with them; one call runs at a time, while more is read.
   * Resolves after the last call, to whether the client ended TLS with close_notify (undefined in clear text). Rejects, after the
   * running call has settled, when the connection is lost or with what `consume` rejected with.
   */
  async receive(consume: Consumer, options: ReceiveOptions): Promise<ReceivedEnd> {
    const stream = this.#stream
    const { buffers, clock = new TurnClock() } = options
    const onRoom = () => {
      if (direct === undefined || direct.move('room') === 'room') stream.resume()
    }
    const intake = new Intake(consume, buffers, onRoom, clock)
    const direct = this.#directIntake(intake, clock, onRoom, options)
    const onData = (chunk: Buffer) => {
      this.#bytesRead += chunk.length
      if (intake.add(chunk) === 'full') stream.pause()
    }
    const release = this.#readInto(intake, onData, direct)
    try {
      await this.#operation<void>((resolve, reject) => {
        intake.onFailure = reject
        if (release === undefined) stream.on('data', onData)
        stream.once('end', resolve)
        stream.resume()
        // The end may have been reached before anybody listened.
        if (stream.readableEnded) resolve()
      })
    } finally {
      stream.off('data', onData)
      // What arrived is kept even if the rest is lost: the client may resume.
      await intake.idle()
      // After the end nothing is read into it any more.
      if (!stream.readableEnded) release?.()
      direct?.close()
      intake.close()
    }
    intake.throwIfFailed()
    return { closeNotify: this.#channel?.closeNotifyReceived, broken: this.#channel?.inputIsBroken === true }
  }

  /** Calls back once no byte has moved for so long, however slowly they do; 0 seconds end the watch. */
  watchStall(seconds: number, onStall: () => void): void {
    const watched = this.#channel?.activity ?? this.#socket
    if (this.#onStall !== undefined) watched.off('timeout', this.#onStall)
    this.#onStall = seconds === 0 ? undefined : onStall
    this.#stallMilliseconds = seconds * 1000
    watched.setTimeout(this.#stallMilliseconds)
    if (this.#onStall !== undefined) watched.once('timeout', this.#onStall)
  }

  /** Closes at once. Whatever runs rejects. */
  destroy(): void {
    this.#channel?.destroy()
    this.#socket.destroy()
  }

  /** Closes at once with RST, so that nobody takes what was sent for the whole. */
  reset(): void {
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy()
    this.destroy()
  }

  /** In clear text what the client sends is what belongs in the file. */
  #directIntake(
    intake: Intake,
    clock: TurnClock,
    onReady: () => void,
    { splice, absorb, onProgress }: ReceiveOptions,
  ): DirectIntake | undefined {
    const socket = this.#socket
    if (splice === undefined || absorb === undefined || this.#channel !== undefined) return undefined
    const onMoved = (bytes: number) => {
      this.#bytesRead += bytes
      this.noteActivity()
      onProgress?.()
    }
    const received = () => this.#bytesRead
    return new DirectIntake({ splice, absorb, intake, socket, received, onMoved, onReady, clock })
  }

  /** Something moves, or has to wait, that the socket has not seen. */
  noteActivity(): void {
    if (this.#onStall !== undefined && !this.#socket.destroyed) this.#socket.setTimeout(this.#stallMilliseconds)
  }

  #readInto(
    intake: Intake,
    onData: (chunk: Buffer) => void,
    direct: DirectIntake | undefined,
  ): (() => void) | undefined {
    const stream = this.#stream
    if (stream.destroyed) return undefined
    // What came with the handshake.
    while (stream.readableLength > 0) {
      const early: unknown = stream.read()
      if (!(early instanceof Buffer)) break
      onData(early)
    }
    return readInto(stream, {
      room: () => (direct ?? intake).room(),
      onBytes: count => {
        this.#bytesRead += count
        const state = intake.added(count)
        return direct?.move(state) ?? state
      },
    })
  }

  #operation<T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#stream.destroyed) return reject(this.#loss ?? new Error('connection closed'))
      const fail = (error: Error) => {
        this.#pending.delete(fail)
        reject(error)
      }
      this.#pending.add(fail)
      start(value => {
        this.#pending.delete(fail)
        resolve(value)
      }, fail)
    })
  }

  #closed(): Promise<void> {
    const socket = this.#socket
    if (socket.closed) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(() => this.destroy(), lingerMilliseconds)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
