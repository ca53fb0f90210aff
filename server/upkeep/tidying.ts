/** Gives memory back when a process comes to rest: V8 and the C library do while there is work, and keep what it has left for as long as there is none. */

export type TidyingOptions = {
  /** Bytes of objects and garbage. */
  readonly used: () => number
  /** The part of the time since it was asked last that the event loop was busy, from 0 to 1. */
  readonly busy: () => number
  /** Collects, and holds the event loop up meanwhile. Undefined where that can't be asked for. */
  readonly collect: (() => void) | undefined
  /** Gives back what is free; the same. */
  readonly trim: (() => void) | undefined
  /** Lets go of pages of the program that come back when they are used; the same. */
  readonly release: (() => void) | undefined
}

const lookMilliseconds = 1000
const mostBusy = 0.05
/** Less is not worth it. */
const leastGrowthBytes = 2_000_000
/** A collection takes 30 ms of the event loop for as many: with more, it would take longer than anybody should wait for a reply. */
const mostBytes = 32_000_000

export class Tidying {
  readonly #options: TidyingOptions
  readonly #timer: NodeJS.Timeout
  #hasWorked = true
  /** After the last collection. */
  #usedThen = 0

  constructor(options: TidyingOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.look(), lookMilliseconds)
    this.#timer.unref()
  }

  /** Once a second. */
  look(): void {
    const { used, busy, collect, trim, release } = this.#options
    if (busy() > mostBusy) {
      this.#hasWorked = true
      return
    }
    const bytes = used()
    const hasGrown = bytes - this.#usedThen >= leastGrowthBytes
    if (hasGrown && bytes <= mostBytes && collect !== undefined) {
      collect()
      this.#usedThen = used()
      this.#hasWorked = true
    }
    if (this.#hasWorked) {
      trim?.()
      release?.()
    }
    this.#hasWorked = false
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
