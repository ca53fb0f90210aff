/** Codes that were taken: each logs in once (RFC 6238 section 5.2), in whatever process. */
import type { SharedState } from '../workers/shared-state.ts'
import { codeMilliseconds } from './totp.ts'

/** Claims of this process are given back once their codes are over, whenever another one is taken. */
export class UsedCodes {
  readonly #shared: SharedState
  /** In the order of their ends, by the monotonic clock. */
  #taken: { readonly key: string; readonly until: number }[] = []

  constructor(shared: SharedState) {
    this.#shared = shared
  }

  /** Whether the user's code of that step of time was not taken before; it is now. A promise may reject with a SharedStateError. */
  async take(user: string, step: number): Promise<boolean> {
    const now = performance.now()
    while ((this.#taken[0]?.until ?? Number.POSITIVE_INFINITY) <= now) {
      const over = this.#taken.shift()
      if (over !== undefined) this.#shared.release('one-time-code', over.key)
    }
    const key = `${step} ${user}`
    if (!(await this.#shared.claim('one-time-code', key, 1))) return false
    this.#taken.push({ key, until: now + codeMilliseconds })
    return true
  }
}
