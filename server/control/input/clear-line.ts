/** A control connection in clear text: bare as long as nothing needs a socket of Node's, which is most of what a session costs in memory. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { BareConnection, hasPeer } from '../../data/bare-connection.ts'
import { encodeName } from '../../storage/name.ts'
import { ControlInput, type InputMemory } from './control-input.ts'
import { type LineSource, type LineTaker, StreamSource } from './line-source.ts'

/** What the connection is once something has needed a socket. */
type Promoted = { readonly socket: Socket; readonly input: ControlInput; readonly source: StreamSource }

/** Whoever has it ends or destroys it. */
export class ClearLine implements LineSource {
  readonly #memory: InputMemory
  readonly #onLost: () => void
  #bare: BareConnection | undefined
  #promoted: Promoted | undefined
  /** The rest is said of a connection that is bare. */
  #taker: LineTaker | undefined
  #isWanted = false
  #isWatched = false
  #isDropped = false
  #ours: 'open' | 'ended' = 'open'
  #theirs: 'open' | 'ended' = 'open'
  #onClosed: (() => void) | undefined

  /** Takes a socket that is paused. `onLost` is called when the connection breaks, and whenever it is closed; maybe more than once. */
  constructor(connection: Socket | BareConnection, memory: InputMemory, onLost: () => void) {
    this.#memory = memory
    this.#onLost = onLost
    if (connection instanceof BareConnection) this.#bare = connection
    else this.#promoted = this.#parts(connection)
  }

  /** Node's socket, which has the connection from now on. */
  get socket(): Socket {
    return this.#promote().socket
  }

  /** By which the socket is read. */
  get input(): ControlInput {
    return this.#promote().input
  }

  /** The connection, as long as it is bare, for somebody else to read and write until this is resumed. */
  lend(): BareConnection | undefined {
    if (this.#bare === undefined || this.#theirs === 'ended' || this.#ours === 'ended') return undefined
    this.#isWanted = false
    this.#stopWatching(this.#bare)
    return this.#bare
  }

  /** Whether replies are given to the kernel at once. */
  get isBare(): boolean {
    return this.#bare !== undefined
  }

  get closed(): boolean {
    return this.#bare?.closed ?? this.#promote().socket.destroyed
  }

  /** Whether the client has broken it off, which nobody is told of once it has ended its side. */
  get isBroken(): boolean {
    return this.#bare === undefined ? !hasPeer(this.#promote().socket) : this.#bare.remoteEnd === undefined
  }

  /** The server's own end; empty once the connection is gone. */
  get localAddress(): string {
    return (this.#bare ?? this.#promote().socket).localAddress ?? ''
  }

  get localPort(): number | undefined {
    return (this.#bare ?? this.#promote().socket).localPort
  }

  begin(taker: LineTaker): void {
    this.#taker = taker
    if (this.#bare === undefined) return this.#promote().source.begin(taker)
    if (this.#theirs === 'ended') taker.end()
  }

  release(): void {
    this.#taker = undefined
    if (this.#bare === undefined) this.#promote().source.release()
    this.#isWanted = false
  }

  /** Nothing is asked of the kernel before something comes: most often, there is no more to come. */
  pause(): void {
    if (this.#bare === undefined) return this.#promote().source.pause()
    this.#isWanted = false
  }

  resume(): void {
    if (this.#bare === undefined) return this.#promote().source.resume()
    this.#isWanted = true
    if (this.#isWatched || this.#theirs === 'ended') return
    this.#isWatched = true
    this.#bare.watch(this.#onReadable, ignore)
  }

  write(bytes: Uint8Array): void {
    this.send(bytes)
  }

  /** Gives as much to the kernel as it takes at once, without a socket, and returns how much. */
  sendBare(bytes: Uint8Array): number {
    return this.#ours === 'open' ? (this.#bare?.send(bytes, 'nothing') ?? 0) : 0
  }

  /** Sends a reply. False while the client does not read: the socket emits `drain` once it does. */
  send(reply: string | Uint8Array): boolean {
    if (this.#bare === undefined) return writeTo(this.#promote().socket, reply)
    if (this.#ours === 'ended' || this.#bare.closed) return true
    const bytes = this.#encoded(reply)
    const taken = this.#bare.send(bytes, 'nothing')
    // Whatever the kernel does not take shows on the socket why.
    return taken === bytes.length || writeTo(this.socket, Buffer.from(bytes.subarray(taken)))
  }

  /**
   * The same for the last one: it comes in one packet with the end of our side, where that can be. With `close`, the client is not waited for
   * either, unless it has said more than it was asked: to close over unread bytes would reset the connection.
   */
  sendLast(reply: string | Uint8Array, then: 'close' | 'wait'): void {
    if (this.#bare === undefined || this.#ours === 'ended') return void this.send(reply)
    const bytes = this.#encoded(reply)
    const taken = this.#bare.send(bytes, 'more')
    if (taken < bytes.length) return void writeTo(this.socket, Buffer.from(bytes.subarray(taken)))
    if (then === 'close' && isAllRead(this.#bare, this.#memory)) return this.destroy()
    this.#bare.end()
    this.#ours = 'ended'
  }

  /** Ends our side; resolves when the client has ended its own, or the connection is closed otherwise. What still comes is dropped. */
  async end(): Promise<void> {
    if (this.closed) return
    const closed = new Promise<void>(resolve => (this.#onClosed = resolve))
    if (this.#bare === undefined) {
      const { socket } = this
      socket.once('close', this.#onClosed ?? ignore)
      // Closing over unread bytes would reset the connection and lose the last reply.
      socket.resume()
      socket.end()
    } else {
      this.#isDropped = true
      if (this.#ours === 'open' && !this.#bare.end()) this.destroy()
      else if (this.#theirs === 'ended') this.destroy()
      else this.resume()
    }
    await closed
  }

  destroy(): void {
    if (this.#bare === undefined) return void this.#promote().socket.destroy()
    this.#bare.close()
    this.#onClosed?.()
    this.#onLost()
  }

  readonly #onReadable = (): void => {
    const bare = this.#bare
    if (bare === undefined) return
    if (!this.#isWanted) return this.#stopWatching(bare)
    const { bytes } = this.#memory
    const count = bare.receive(bytes)
    if (count === 'nothing yet') return
    if (count === 'lost') return this.destroy()
    if (count > 0) {
      if (!this.#isDropped) this.#taker?.receive(bytes.subarray(0, count))
      return
    }
    this.#theirs = 'ended'
    this.#stopWatching(bare)
    if (this.#isDropped) this.destroy()
    else this.#taker?.end()
  }

  #stopWatching(bare: BareConnection): void {
    this.#isWatched = false
    bare.ignore()
  }

  #encoded(reply: string | Uint8Array): Uint8Array {
    if (typeof reply !== 'string') return reply
    return this.#memory.encode(reply) ?? encodeName(reply)
  }

  #promote(): Promoted {
    if (this.#promoted !== undefined) return this.#promoted
    if (this.#bare === undefined) throw new Error('There is no connection.')
    const socket = this.#bare.intoSocket()
    this.#bare = undefined
    this.#promoted = this.#parts(socket)
    const { source } = this.#promoted
    if (this.#taker !== undefined) source.begin(this.#taker)
    if (this.#isDropped || this.#isWanted) socket.resume()
    if (this.#onClosed !== undefined) socket.once('close', this.#onClosed)
    if (this.#ours === 'ended') socket.end()
    return this.#promoted
  }

  #parts(socket: Socket): Promoted {
    socket.on('error', this.#onLost)
    socket.on('close', this.#onLost)
    const input = new ControlInput(socket, this.#memory)
    return { socket, input, source: new StreamSource(socket, input) }
  }
}

/** False while the other side does not read. What can't be written any more is dropped. */
export function writeTo(stream: Duplex, reply: string | Uint8Array): boolean {
  if (!stream.writable) return true
  if (typeof reply !== 'string') return stream.write(reply)
  // A string goes to the kernel without a buffer in between.
  return reply.isWellFormed() ? stream.write(reply, 'utf8') : stream.write(encodeName(reply))
}

/** Nobody may want what is in the memory. */
function isAllRead(bare: BareConnection, { bytes }: InputMemory): boolean {
  const more = bare.peek(bytes)
  return more === 'nothing yet' || more === 0
}

function ignore(): void {}
