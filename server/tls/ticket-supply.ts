/** What the client of a session can resume with, as far as its data connections have shown. */
import type { SecureChannel } from './secure-channel.ts'

/**
 * Tickets of TLS 1.3 serve once (RFC 8446 appendix C.4), and on an upload the new one comes too late for clients that write and close
 * (curl). Some keep older tickets (`left over`), some keep one; some reuse them all the same (`spent`).
 */
type Supply = 'fresh' | 'left over' | 'spent'

/** OpenSSL's default, by which Node goes; where OpenSSL is called directly, the tickets are made one by one. */
export const ticketsOfFullHandshake = 2

export class TicketSupply {
  // Most sessions need none.
  #resumedWith: Set<Supply> | undefined
  #supply: Supply = 'fresh'
  #tickets = ticketsOfFullHandshake

  /** Whether the client has resumed before, with as good a chance to as it has now. */
  get hasServed(): boolean {
    return this.#resumedWith?.has(this.#supply) === true
  }

  note({ resumed, protocol }: Pick<SecureChannel, 'resumed' | 'protocol'>, direction: 'send' | 'receive'): void {
    if (resumed) {
      this.#resumedWith ??= new Set()
      this.#resumedWith.add(this.#supply)
    }
    if (protocol !== 'TLSv1.3') return
    if (resumed) this.#tickets = Math.max(0, this.#tickets - 1)
    if (direction === 'send') this.#tickets += resumed ? 1 : ticketsOfFullHandshake
    if (direction === 'send') this.#supply = 'fresh'
    else this.#supply = this.#tickets > 0 ? 'left over' : 'spent'
  }
}
