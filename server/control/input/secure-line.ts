/** A control connection under TLS without a socket of Node's. */
import type { BareConnection } from '../../data/bare-connection.ts'
import { encodeName } from '../../storage/name.ts'
import type { TlsConnection } from '../../tls/openssl/tls-connection.ts'
import { isRecordType } from '../../tls/records.ts'
import type { InputMemory } from './control-input.ts'
import type { LineSource, LineTaker } from './line-source.ts'

/** Whoever has it ends, unwraps or destroys it. */
export class SecureLine implements LineSource {
  readonly #connection: TlsConnection
  readonly #bare: BareConnection
  readonly #memory: InputMemory
  readonly #onLost: () => void
  #taker: LineTaker | undefined
  #isWanted = false
  #isWatched = false
  #ours: 'open' | 'ended' = 'open'
  #theirs: 'open' | 'ended' = 'open'
  #onClosed: (() => void) | undefined

  /** Takes a connection after its handshake. `onLost` is called when it breaks, and whenever it is closed; maybe more than once. */
  constructor(connection: TlsConnection, memory: InputMemory, onLost: () => void) {
    this.#connection = connection
    this.#bare = connection.bare
    this.#memory = memory
    this.#onLost = onLost
  }

  begin(taker: LineTaker): void {
    this.#taker = taker
    if (this.#theirs === 'ended') taker.end()
  }

  release(): void {
    this.#taker = undefined
    this.#isWanted = false
  }

  pause(): void {
    this.#isWanted = false
  }

  resume(): void {
    this.#isWanted = true
    if (this.#isWatched || this.#theirs === 'ended') return
    this.#isWatched = true
    this.#bare.watch(this.#onReadable, ignore)
    // What was paused over, of a record that had more than there was room for.
    if (this.#connection.hasUnread) setImmediate(this.#onReadable)
  }

  write(bytes: Uint8Array): void {
    this.send(bytes)
  }

  /** Sends a reply. False while the client does not read: `drained` tells when it does. */
  send(reply: string | Uint8Array): boolean {
    if (this.#ours === 'ended' || this.#bare.closed) return true
    const sent = this.#connection.write(this.#encoded(reply))
    if (sent === 'lost') this.destroy()
    return sent !== 'waiting'
  }

  /** Resolves once the kernel has all replies, or never will. */
  async drained(): Promise<void> {
    await this.#connection.untilSent().catch(ignore)
  }

  /** The same for the last one: it comes in one packet with the end of our side, where that can be. */
  sendLast(reply: string | Uint8Array): void {
    if (this.#ours === 'ended' || this.#bare.closed) return
    this.#finish(this.#encoded(reply))
  }

  /** Ends our side; resolves when the client has ended its own, or the connection is closed otherwise. What still comes is dropped. */
  async end(): Promise<void> {
    if (this.#bare.closed) return this.#connection.close()
    const closed = new Promise<void>(resolve => (this.#onClosed = resolve))
    this.#taker = undefined
    if (this.#ours === 'open') this.#finish(noBytes)
    this.#drop()
    await closed
  }

  /**
   * Sends a last reply under TLS and ends that; resolves when the client has ended it as well, or its first clear text is there to be
   * read. What comes under TLS meanwhile is dropped. Rejects, with the connection closed, when that ends first or the signal aborts.
   */
  unwrap(reply: Uint8Array, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort)
      this.#bare.ignore()
      this.#connection.close()
    }
    const fail = (error: unknown): void => {
      settle()
      this.#bare.close()
      reject(error)
    }
    const onAbort = (): void => fail(signal.reason)
    const lost = (): void => fail(new Error('connection ended instead of TLS'))
    const leave = async (): Promise<void> => {
      try {
        // The last bytes must have left first.
        await this.#connection.untilSent()
      } catch {
        return lost()
      }
      settle()
      resolve()
    }
    const onReadable = (): void => {
      const step = this.#unwrapStep()
      if (step === 'lost') return lost()
      if (step === 'nothing yet') return
      this.#bare.ignore()
      void leave()
    }
    this.#ours = 'ended'
    this.#stopWatching()
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else if (this.#connection.writeEnd(reply) === 'lost') lost()
    else this.#bare.watch(onReadable, lost)
    return promise
  }

  destroy(): void {
    this.#connection.close()
    this.#bare.close()
    this.#onClosed?.()
    this.#onLost()
  }

  readonly #onReadable = (): void => {
    if (this.#bare.closed) return
    if (!this.#isWanted) return this.#stopWatching()
    const { bytes } = this.#memory
    do {
      const count = this.#connection.read(bytes)
      if (count === 'nothing yet') return
      if (count === 'lost') return this.destroy()
      if (typeof count === 'string') return this.#noteEnd()
      this.#taker?.receive(bytes.subarray(0, count))
    } while (this.#isWanted && this.#connection.hasUnread)
  }

  #noteEnd(): void {
    this.#theirs = 'ended'
    this.#stopWatching()
    this.#taker?.end()
  }

  #stopWatching(): void {
    this.#isWatched = false
    this.#bare.ignore()
  }

  #finish(bytes: Uint8Array): void {
    this.#ours = 'ended'
    const sent = this.#connection.writeEnd(bytes, 'more')
    if (sent === 'lost') return this.destroy()
    if (sent === 'sent') return this.#endBare()
    void this.#connection.untilSent().then(
      () => this.#endBare(),
      () => this.destroy(),
    )
  }

  #endBare(): void {
    if (!this.#bare.end()) this.destroy()
  }

  /** TLS is over for us: nobody needs to know what still comes. */
  #drop(): void {
    if (this.#bare.closed) return
    this.#stopWatching()
    const { bytes } = this.#memory
    const onReadable = (): void => {
      const count = this.#bare.receive(bytes)
      if (count === 0 || count === 'lost') this.destroy()
    }
    this.#bare.watch(onReadable, ignore)
  }

  /** Before each record: clear text may begin in place of it. */
  #unwrapStep(): 'unwrapped' | 'nothing yet' | 'lost' {
    for (let records = 0; records < recordsInARow; records += 1) {
      if (!this.#connection.endsWithinRecord) {
        const count = this.#bare.peek(this.#memory.bytes)
        if (count === 'nothing yet') return count
        if (count === 'lost' || count === 0) return 'lost'
        if (!isRecordType(this.#memory.bytes[0] ?? 0)) return 'unwrapped'
      }
      const read = this.#connection.read(this.#memory.bytes)
      if (read === 'end') return 'unwrapped'
      if (read === 'lost' || read === 'cut') return 'lost'
      if (read === 'nothing yet' && this.#connection.endsWithinRecord) return read
    }
    return 'nothing yet'
  }

  #encoded(reply: string | Uint8Array): Uint8Array {
    if (typeof reply !== 'string') return reply
    return this.#memory.encode(reply) ?? encodeName(reply)
  }
}

/** What comes behind them is told of again: others have their turn before. */
const recordsInARow = 16

const noBytes = new Uint8Array(0)

function ignore(): void {}
