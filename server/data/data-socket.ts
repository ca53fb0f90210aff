/** What a data connection goes over: the connection itself, bare as long as nothing needs a socket, and TLS above it. */
import type { Socket } from 'node:net'
import type { SecureChannel } from '../tls/secure-channel.ts'
import { BareConnection } from './bare-connection.ts'
import { descriptorOf, type SocketCalls } from './kernel/socket-calls.ts'

/** A client is looked at so often, while nobody has seen anything move, in the time after which it counts as stalled. */
const looks = 8

export class DataSocket {
  readonly #channel: SecureChannel | undefined
  #bare: BareConnection | undefined
  #socket: Socket | undefined
  readonly #pending = new Set<(error: Error) => void>()
  #loss: Error | undefined
  #onStall: (() => void) | undefined
  #stallMilliseconds = 0
  #calls: SocketCalls | undefined
  /** What the kernel has told at the last look, and how many looks ago it has told something else. */
  #movement: bigint | undefined
  #quietLooks = 0

  constructor(connection: Socket | BareConnection, channel: SecureChannel | undefined) {
    this.#channel = channel
    if (connection instanceof BareConnection) this.#bare = connection
    else this.#use(connection)
  }

  /** Until something needs a socket. */
  get bare(): BareConnection | undefined {
    return this.#bare
  }

  get socket(): Socket {
    if (this.#socket !== undefined) return this.#socket
    if (this.#bare === undefined) throw new Error('There is no connection.')
    const socket = this.#bare.socket()
    this.#bare = undefined
    this.#use(socket)
    if (this.#onStall !== undefined) this.#watch()
    return socket
  }

  /** What the bytes go through. */
  get stream(): Socket {
    return this.#channel?.stream ?? this.socket
  }

  get closed(): boolean {
    return this.#bare?.closed ?? this.socket.destroyed
  }

  /** Why it was lost. */
  get loss(): Error {
    return this.#loss ?? new Error('connection closed')
  }

  /** Rejects when the connection is lost meanwhile, or was before. */
  operation<T>(start: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.stream.destroyed) return reject(this.loss)
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

  /**
   * Calls back once no byte has moved for so long, however slowly they do; 0 seconds end the watch. With the calls, also bytes count that the
   * kernel moves while nobody is told: those of a long call, and what a slow client takes out of its buffers.
   */
  watchStall(seconds: number, onStall: () => void, calls?: SocketCalls): void {
    const before = this.#onStall
    this.#onStall = seconds === 0 ? undefined : onStall
    this.#calls = calls
    this.#stallMilliseconds = seconds * 1000
    if (this.#bare !== undefined) return this.#bare.watchStall(this.#stallMilliseconds, onStall)
    if (before !== undefined) this.#watched.off('timeout', this.#look)
    this.#watched.setTimeout(0)
    if (this.#onStall !== undefined) this.#watch()
  }

  /** Something moves, or has to wait, that the socket has not seen. */
  noteActivity(): void {
    if (this.#bare !== undefined) return this.#bare.noteActivity()
    this.#quietLooks = 0
    if (this.#onStall !== undefined && !this.socket.destroyed) this.socket.setTimeout(this.#lookMilliseconds)
  }

  /** Closes at once. Whatever runs rejects. */
  destroy(): void {
    if (this.#bare !== undefined) return this.#bare.close()
    this.#channel?.destroy()
    this.socket.destroy()
  }

  /** Closes at once with RST. */
  reset(): void {
    if (!this.closed) this.socket.resetAndDestroy()
    this.destroy()
  }

  get #watched(): Socket {
    return this.#channel?.activity ?? this.socket
  }

  #watch(): void {
    this.#quietLooks = 0
    this.#watched.setTimeout(this.#lookMilliseconds)
    this.#watched.on('timeout', this.#look)
  }

  get #lookMilliseconds(): number {
    return this.#calls === undefined ? this.#stallMilliseconds : this.#stallMilliseconds / looks
  }

  readonly #look = (): void => {
    const descriptor = this.#calls && descriptorOf(this.socket)
    const movement = descriptor === undefined ? undefined : this.#calls?.movement(descriptor)
    // What has moved since the last look may have done so right after it, or just now.
    this.#quietLooks = movement === this.#movement ? this.#quietLooks + 1 : 0
    this.#movement = movement
    if (this.#calls === undefined || this.#quietLooks >= looks) this.#onStall?.()
    else this.#watched.setTimeout(this.#lookMilliseconds)
  }

  #use(socket: Socket): void {
    this.#socket = socket
    const stream = this.stream
    for (const each of new Set([socket, stream])) {
      each.on('error', error => {
        this.#loss ??= error
        // TLSSocket tells of a record that is not the client's, and stays open.
        if (each === stream) stream.destroy()
      })
    }
    stream.once('close', () => {
      this.#loss ??= new Error('connection closed')
      for (const reject of this.#pending) reject(this.#loss)
    })
  }
}
