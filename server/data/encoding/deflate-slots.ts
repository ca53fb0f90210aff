/** How many transfers are in MODE Z: each has memory of its own, and work for a few threads that all share. Others wait for their turn. */
import { EncodingError } from './encoding.ts'

const patienceMilliseconds = 30_000

export class DeflateSlots {
  readonly #patience: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(patience = patienceMilliseconds) {
    this.#patience = patience
  }

  /**
   * Resolves when there are fewer than `most`, in the order of asking; call what it resolves to when done. Rejects with an
   * EncodingError when that takes too long, or the signal is aborted.
   */
  async take(most: number, signal: AbortSignal): Promise<() => void> {
    if (this.#taken < most) this.#taken += 1
    else await this.#turn(signal)
    return () => this.#release()
  }

  /** Whoever waits takes the place of who has gone. */
  #release(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#taken -= 1
    else next()
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(begin)
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
      }
      const begin = () => {
        leave()
        resolve()
      }
      const giveUp = () => {
        leave()
        reject(new EncodingError('too-many-deflated'))
      }
      const timer = setTimeout(giveUp, this.#patience)
      this.#waiting.add(begin)
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp)
    })
  }
}
