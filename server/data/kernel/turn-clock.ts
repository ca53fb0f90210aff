/** How long the event loop has been busy with uploads since it last looked at other connections. One for all transfers of a process. */

/** On a busy processor each step may take ten times as long: then steps get smaller, and all sessions are still answered soon. */
const longMilliseconds = 8

export class TurnClock {
  readonly #now: () => number
  #started: number | undefined

  /** The clock gives milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Whether the turn has taken so long that only small steps are due. Asked at each step: the first one begins the turn. */
  isLong(): boolean {
    if (this.#started !== undefined) return this.#now() - this.#started >= longMilliseconds
    this.#started = this.#now()
    // The loop does not wait for anything while this is pending, so what is measured is work.
    setImmediate(() => {
      this.#started = undefined
    })
    return false
  }
}
