/** What sessions that may be of the same client have of each other: a data connection may resume the TLS session of another one's control connection. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Kin, Resumable } from './kin.ts'
import type { TlsConnection } from './openssl/tls-connection.ts'
import type { SecureChannel } from './secure-channel.ts'

const pollMilliseconds = 20

/** Of one session. */
export class Lending {
  readonly #own: Resumable
  /** Those that may be of the same client. */
  readonly #kin: Kin | undefined
  /** Whose session was resumed. */
  #lenders: WeakMap<SecureChannel | TlsConnection, Resumable> | undefined

  constructor(own: Resumable, kin: Kin | undefined) {
    this.#own = own
    this.#kin = kin
  }

  /** What another one has that may be lent. */
  find<Found>(
    find: (other: Resumable) => Found | undefined,
  ): { readonly lender: Resumable; readonly found: Found } | undefined {
    for (const lender of this.#neighbours()) {
      if (this.#compareUsers(lender) === 'other') continue
      const found = find(lender)
      if (found !== undefined) return { lender, found }
    }
    return undefined
  }

  /** Whether this holds for another one that is known to be the same client's. */
  some(holds: (other: Resumable) => boolean): boolean {
    for (const other of this.#neighbours()) if (holds(other) && this.#compareUsers(other) === 'same') return true
    return false
  }

  noteLender(channel: SecureChannel | TlsConnection, lender: Resumable): void {
    this.#lenders ??= new WeakMap()
    this.#lenders.set(channel, lender)
  }

  /** As that of SessionTls. */
  async proves(
    channel: SecureChannel | TlsConnection,
    signal: AbortSignal,
    patienceMilliseconds: number,
  ): Promise<boolean> {
    const lender = this.#lenders?.get(channel)
    if (!channel.resumed || lender === undefined) return channel.resumed
    const deadline = performance.now() + patienceMilliseconds
    for (;;) {
      const user = this.#compareUsers(lender)
      if (user === 'same') this.#own.mixes = lender.mixes = true
      if (user !== 'open') return user === 'same'
      if (signal.aborted || performance.now() >= deadline) return false
      await delay(pollMilliseconds)
    }
  }

  #neighbours(): Iterable<Resumable> {
    const { member } = this.#own
    return this.#kin === undefined || member === undefined ? [] : this.#kin.neighboursOf(member)
  }

  #compareUsers(neighbour: Resumable): ReturnType<Kin['compareUsers']> {
    const { member } = this.#own
    return this.#kin === undefined || member === undefined ? 'other' : this.#kin.compareUsers(member, neighbour)
  }
}
