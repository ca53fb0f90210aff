/** Which headers were believed before: each is believed once. Pure but for what it remembers. */

/** How far the time of a header may be from now, in milliseconds: clocks of machines differ. */
export const freshMilliseconds = 60_000

/** More would need a million data connections in two minutes. */
const mostRemembered = 1_000_000

/** Remembers nonces as long as their headers are fresh, in two generations. */
export class SeenNonces {
  #current = new Set<string>()
  #previous = new Set<string>()
  #turnedAt = Number.NEGATIVE_INFINITY

  /** Whether the header may be believed, which it may be once. All in milliseconds since the epoch. */
  take(
    { time, nonce }: { readonly time: number; readonly nonce: string },
    now: number,
  ): 'fresh' | 'stale' | 'replayed' {
    if (Math.abs(now - time) > freshMilliseconds) return 'stale'
    // A header is fresh from one such span before its time until one after it.
    if (Math.abs(now - this.#turnedAt) > 2 * freshMilliseconds || this.#current.size >= mostRemembered) {
      this.#previous = this.#current
      this.#current = new Set()
      this.#turnedAt = now
    }
    if (this.#current.has(nonce) || this.#previous.has(nonce)) return 'replayed'
    this.#current.add(nonce)
    return 'fresh'
  }
}
