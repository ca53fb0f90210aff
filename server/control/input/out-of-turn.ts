/** Commands that are answered while a transfer runs (RFC 1123 section 4.1.3.3), one after the other. */

/** They wait for their turn; further ones wait for the end of the transfer. */
const most = 8

export class OutOfTurn {
  readonly #onFault: (error: unknown) => void
  #running: Promise<void> = Promise.resolve()
  #count = 0

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  /** False where there are too many already. */
  take(serve: () => Promise<void>): boolean {
    if (this.#count >= most) return false
    this.#count += 1
    this.#running = this.#running
      .then(serve)
      .catch(this.#onFault)
      .finally(() => {
        this.#count -= 1
      })
    return true
  }

  /** Resolves when all are answered; undefined where none is left. */
  get rest(): Promise<void> | undefined {
    return this.#count > 0 ? this.#running : undefined
  }
}
