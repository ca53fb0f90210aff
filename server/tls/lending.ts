/** What sessions that may be of the same client have of each other: a data connection may resume the TLS session of another one's control connection. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Kin, Member } from './kin.ts'
import type { TlsConnection } from './openssl/tls-connection.ts'
import type { SecureChannel } from './secure-channel.ts'
import type { SessionTls } from './session-tls.ts'

const pollMilliseconds = 20

/** Of one session. */
export class Lending {
  /** The session that it is for, and those that may be of the same client. */
  readonly #member: Member | undefined
  readonly #kin: Kin | undefined
  /** Whose session was resumed. */
  #lenders: WeakMap<SecureChannel | TlsConnection, SessionTls> | undefined
  /** Its client resumes whichever session it got last. */
  #mixes = false

  constructor(member: Member | undefined, kin: Kin | undefined) {
    this.#member = member
    this.#kin = kin
  }

  get mixes(): boolean {
    return this.#mixes
  }

  /** What another one has that may be lent. */
  find<Found>(
    find: (other: SessionTls) => Found | undefined,
  ): { readonly lender: SessionTls; readonly found: Found } | undefined {
    for (const lender of this.#neighbours()) {
      if (this.#compareUsers(lender) === 'other') continue
      const found = find(lender)
      if (found !== undefined) return { lender, found }
    }
    return undefined
  }

  /** Whether this holds for another one that is known to be the same client's. */
  some(holds: (other: SessionTls) => boolean): boolean {
    for (const other of this.#neighbours()) if (holds(other) && this.#compareUsers(other) === 'same') return true
    return false
  }

  noteLender(channel: SecureChannel | TlsConnection, lender: SessionTls): void {
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
      if (user === 'same') this.#mixes = lender.lending.#mixes = true
      if (user !== 'open') return user === 'same'
      if (signal.aborted || performance.now() >= deadline) return false
      await delay(pollMilliseconds)
    }
  }

  #neighbours(): Iterable<SessionTls> {
    return this.#kin === undefined || this.#member === undefined ? [] : this.#kin.neighboursOf(this.#member)
  }

  #compareUsers(neighbour: SessionTls): ReturnType<Kin['compareUsers']> {
    return this.#kin === undefined || this.#member === undefined
      ? 'other'
      : this.#kin.compareUsers(this.#member, neighbour)
  }
}
