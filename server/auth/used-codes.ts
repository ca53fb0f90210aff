/** One-time codes that were tried: a right one logs in once (RFC 6238 section 5.2), and wrong ones are few (RFC 4226 section 7.3), in whatever process. */
import type { SharedState } from '../workers/shared-state.ts'
import { codeMilliseconds } from './totp.ts'

/** `used`: right, and taken before. `too-many`: nobody looks any more, so that nobody can go on guessing. */
export type CodeVerdict = 'taken' | 'used' | 'wrong' | 'too-many'

type Remembered = { readonly key: string; readonly until: number }

/** Claims of this process are given back once they are over, whenever another code is tried. */
export class UsedCodes {
  readonly #shared: SharedState
  /** Both in the order of their ends, by the monotonic clock. */
  readonly #taken: Remembered[] = []
  readonly #wrong: Remembered[] = []

  constructor(shared: SharedState) {
    this.#shared = shared
  }

  /** Takes the user's code of a step of time; undefined: the code is of none. A promise may reject with a SharedStateError. */
  async take(user: string, step: number | undefined): Promise<CodeVerdict> {
    const now = performance.now()
    this.#forget('one-time-code', this.#taken, now)
    this.#forget('wrong-code', this.#wrong, now)
    // Before anything else, so that those who guess at the same time are counted together.
    if (!(await this.#shared.claim('wrong-code', user, mostWrongCodes))) return 'too-many'
    if (step === undefined) {
      this.#wrong.push({ key: user, until: now + wrongMilliseconds })
      return 'wrong'
    }
    // Clients that open several connections send one code with all of them: that is no guess.
    this.#shared.release('wrong-code', user)
    const key = `${step} ${user}`
    if (!(await this.#shared.claim('one-time-code', key, 1))) return 'used'
    this.#taken.push({ key, until: now + codeMilliseconds })
    return 'taken'
  }

  #forget(kind: 'one-time-code' | 'wrong-code', remembered: Remembered[], now: number): void {
    while ((remembered[0]?.until ?? Number.POSITIVE_INFINITY) <= now) {
      const over = remembered.shift()
      if (over !== undefined) this.#shared.release(kind, over.key)
    }
  }
}

/** Three of a million codes are right at any time: so many tries find one in 230 days, on average. Only who has the password can use them up. */
export const mostWrongCodes = 10
export const wrongMilliseconds = 600_000
