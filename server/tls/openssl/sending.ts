/** What OpenSSL has written for one connection, on its way to the kernel. */
import type { BareConnection } from '../../data/bare-connection.ts'
import type { OpenSsl } from './openssl.ts'

/** What has become of bytes that were to be sent: all are with the kernel, or some wait for room. */
export type Sent = 'sent' | 'waiting' | 'lost'

/** Answers that TLS gives by itself have a few bytes each. */
const longestWaitingAnswers = 65_536

export class Sending {
  readonly #bare: BareConnection
  readonly #openssl: OpenSsl
  #waiting: Promise<void> | undefined
  /** Of what waits: what nobody asked to be sent. */
  #waitingAnswers = 0
  #isLost = false

  constructor(bare: BareConnection, openssl: OpenSsl) {
    this.#bare = bare
    this.#openssl = openssl
  }

  get isLost(): boolean {
    return this.#isLost
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  lose(): 'lost' {
    this.#isLost = true
    // Others would take for theirs what a call has left behind.
    this.#openssl.library.ERR_clear_error()
    return 'lost'
  }

  /** Gives the kernel what was written by the last call, whichever that was: it lies where the next connection writes. It may wait for `more`. */
  send(then: 'more' | 'nothing' = 'nothing'): Sent {
    this.#take(then)
    if (this.#isLost) return 'lost'
    return this.#waiting === undefined ? 'sent' : 'waiting'
  }

  /** The same for what reading has made TLS say: a client that makes it answer, and reads nothing, is up to no good. */
  sendAnswers(): void {
    this.#waitingAnswers += this.#take('nothing')
    if (this.#waitingAnswers > longestWaitingAnswers) this.lose()
  }

  /** Resolves once the kernel has all that was to be sent. Rejects when the connection is lost. */
  done(): Promise<void> {
    return this.#waiting ?? (this.#isLost ? Promise.reject(new Error('connection lost')) : Promise.resolve())
  }

  /** Returns how much of it has no room. */
  #take(then: 'more' | 'nothing'): number {
    const { output } = this.#openssl
    let left = 0
    let count: number
    do {
      count = this.#openssl.takeOutput()
      if (count === 0 || this.#isLost) continue
      const taken = this.#waiting === undefined ? this.#bare.send(output.subarray(0, count), then) : 0
      if (taken < count) this.#sendLater(Buffer.from(output.subarray(taken, count)))
      left += count - taken
      // Less than there is room for was all.
    } while (count === output.length)
    return left
  }

  #sendLater(rest: Buffer): void {
    const before = this.#waiting
    const waiting = before === undefined ? this.#bare.sendRest(rest) : before.then(() => this.#bare.sendRest(rest))
    this.#waiting = waiting
    void this.#noteSent(waiting)
  }

  async #noteSent(waiting: Promise<void>): Promise<void> {
    try {
      await waiting
    } catch {
      this.lose()
    }
    if (this.#waiting !== waiting) return
    this.#waiting = undefined
    this.#waitingAnswers = 0
  }
}
