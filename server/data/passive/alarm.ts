/** One timer for the deadlines of many, most of whom have left long before theirs. */

/** Goes off at the first deadline, or before. Close it. */
export class Alarm {
  readonly #onAlarm: () => void
  #timer: NodeJS.Timeout | undefined
  #time = Number.POSITIVE_INFINITY

  /** Whoever is called tells anew of the deadlines that have not passed. */
  constructor(onAlarm: () => void) {
    this.#onAlarm = onAlarm
  }

  /** Of the monotonic clock. */
  heed(deadline: number): void {
    if (deadline >= this.#time) return
    clearTimeout(this.#timer)
    this.#time = deadline
    // A process that was not let run for long finds the time over before it sees who has come meanwhile: those come first.
    const milliseconds = Math.max(0, deadline - performance.now())
    this.#timer = setTimeout(() => setImmediate(() => this.#goOff()), milliseconds)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#time = Number.NEGATIVE_INFINITY
  }

  #goOff(): void {
    if (this.#time === Number.NEGATIVE_INFINITY) return
    this.#time = Number.POSITIVE_INFINITY
    this.#onAlarm()
  }
}
