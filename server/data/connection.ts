/** A data connection over a socket of Node's, or a bare one in clear text. */
import type { Socket } from 'node:net'
import { keepKind } from '../kinds.ts'
import type { SecureChannel } from '../tls/secure-channel.ts'
import { BareConnection } from './bare-connection.ts'
import type { Handle } from './bare-handle.ts'
import type { DataConnection, ReceivedEnd, ReceiveOptions } from './data-connection.ts'
import { DataSocket } from './data-socket.ts'
import type { BufferPool } from './kernel/buffer-pool.ts'
import { readInto } from './kernel/read-into.ts'
import type { KernelSocket, Sendfile } from './kernel/sendfile.ts'
import { descriptorOf, type SocketCalls } from './kernel/socket-calls.ts'
import { TurnClock } from './kernel/turn-clock.ts'
import { closedByOther, receiveSome } from './moving/bare-transfer.ts'
import { DirectIntake } from './moving/direct-intake.ts'
import { type Consumer, Intake } from './moving/intake.ts'

/** How long the client may take to close after the last byte; its slowness costs it this much, but not its transfer. */
const lingerMilliseconds = 5000

/** Of an upload without a socket. */
const smallBytes = 65_536

export class SocketConnection implements DataConnection {
  readonly protection: 'clear' | 'TLSv1.2' | 'TLSv1.3'
  readonly #wire: DataSocket
  readonly #channel: SecureChannel | undefined
  /** It has a descriptor of its own, with which the connection would outlive the socket. */
  #kernel: KernelSocket | undefined
  #bytesRead = 0
  #bytesWritten = 0

  /** Takes a connection that has not been read from, and the TLS channel over its socket, if any. */
  constructor(connection: Socket | BareConnection, channel?: SecureChannel) {
    this.#wire = new DataSocket(connection, channel)
    this.#channel = channel
    this.protection = channel?.protocol ?? 'clear'
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  async write(bytes: Uint8Array, then: 'more' | 'nothing' = 'nothing'): Promise<void> {
    const taken = this.#wire.bare?.send(bytes, then) ?? 0
    this.#bytesWritten += taken
    if (taken === bytes.length && this.#wire.bare !== undefined) return
    const rest = taken === 0 ? bytes : bytes.subarray(taken)
    this.#channel?.beginWriting()
    await this.#wire.operation<void>((resolve, reject) => {
      this.#wire.stream.write(rest, error => (error ? reject(error) : resolve()))
    })
    this.#bytesWritten += rest.length
  }

  async end(): Promise<void> {
    await this.shut()
    await this.#closed()
  }

  shut(): Promise<void> {
    if (this.#wire.bare?.end() === true) return Promise.resolve()
    return this.#wire.operation<void>((resolve, reject) => {
      this.#wire.stream.end((error?: Error | null) => (error ? reject(error) : resolve()))
      this.#wire.stream.resume()
    })
  }

  sendAtOnce(bytes: Uint8Array, calls: SocketCalls): number {
    if (this.#channel !== undefined) return 0
    const taken = this.#wire.bare?.send(bytes, 'more') ?? sendTo(this.#wire.socket, bytes, calls)
    this.#bytesWritten += taken
    return taken
  }

  endAtOnce(calls: SocketCalls): boolean {
    if (this.#wire.bare !== undefined) return this.#wire.bare.end()
    const descriptor = descriptorOf(this.#wire.socket)
    if (this.#channel !== undefined || descriptor === undefined) return false
    return this.#wire.stream.writableLength === 0 && calls.end(descriptor)
  }

  closedByClient(): Promise<void> {
    if (this.#wire.bare !== undefined) return this.#closed()
    const socket = this.#wire.socket
    socket.once('end', () => socket.destroy())
    socket.resume()
    return this.#closed()
  }

  get closed(): boolean {
    return this.#wire.closed
  }

  kernelSocket(sendfile: Sendfile | undefined): KernelSocket | undefined {
    if (this.#channel !== undefined || this.#wire.closed) return undefined
    this.#kernel = sendfile?.join(this.#wire.socket)
    return this.#kernel
  }

  async transmit(send: () => Promise<number>): Promise<number> {
    const taken = this.#wire.closed ? 0 : await send()
    if (taken > 0) {
      this.#bytesWritten += taken
      this.noteActivity()
    }
    if (this.#wire.closed) throw this.#wire.loss
    return taken
  }

  async receive(consume: Consumer, options: ReceiveOptions): Promise<ReceivedEnd> {
    const { buffers, clock = new TurnClock() } = options
    const { bare } = this.#wire
    if (bare !== undefined && (await this.#receiveSmall(bare, consume, buffers)))
      return { closeNotify: undefined, broken: false }
    const stream = this.#wire.stream
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
      await this.#wire.operation<void>((resolve, reject) => {
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

  watchStall(seconds: number, onStall: () => void, calls?: SocketCalls): void {
    this.#wire.watchStall(seconds, onStall, calls)
  }

  destroy(): void {
    this.#wire.destroy()
    this.#kernel?.stop('end')
  }

  reset(): void {
    this.#wire.reset()
    this.#kernel?.stop('reset')
  }

  noteActivity(): void {
    this.#wire.noteActivity()
  }

  /** Small uploads are over before a socket is worth its while: whether this one was. Its bytes are consumed, or those of a larger one so far. */
  async #receiveSmall(bare: BareConnection, consume: Consumer, buffers: BufferPool): Promise<boolean> {
    const buffer = buffers.takeSmall()
    try {
      for (;;) {
        const { count, then } = await receiveSome(bare, buffer)
        this.#bytesRead += count
        if (count > 0) await consume(buffer.subarray(0, count))
        if (then === 'lost') throw this.#wire.loss
        if (then === 'end') return true
        if (this.#bytesRead >= smallBytes) return false
      }
    } finally {
      buffers.give(buffer)
    }
  }

  /** In clear text what the client sends is what belongs in the file. */
  #directIntake(
    intake: Intake,
    clock: TurnClock,
    onReady: () => void,
    { splice, absorb, onProgress }: ReceiveOptions,
  ): DirectIntake | undefined {
    const socket = this.#wire.socket
    if (splice === undefined || absorb === undefined || this.#channel !== undefined) return undefined
    const onMoved = (bytes: number) => {
      this.#bytesRead += bytes
      this.noteActivity()
      onProgress?.()
    }
    const received = () => this.#bytesRead
    return new DirectIntake({ splice, absorb, intake, socket, received, onMoved, onReady, clock })
  }

  #readInto(
    intake: Intake,
    onData: (chunk: Buffer) => void,
    direct: DirectIntake | undefined,
  ): (() => void) | undefined {
    const stream = this.#wire.stream
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

  #closed(): Promise<void> {
    if (this.#wire.bare !== undefined) return closedByOther(this.#wire.bare, lingerMilliseconds)
    const socket = this.#wire.socket
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

function sendTo(socket: Socket, bytes: Uint8Array, calls: SocketCalls): number {
  const descriptor = descriptorOf(socket)
  return descriptor === undefined ? 0 : calls.send(descriptor, bytes, 'more')
}

keepKind(() => new SocketConnection(new BareConnection({} as Handle, {} as SocketCalls)))
