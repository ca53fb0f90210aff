/** Who may compute a checksum now: a few at once over all processes of a server, the others wait in line. */
import { setTimeout as delay } from 'node:timers/promises'
import { StorageError } from '../storage/storage.ts'
import type { SharedState } from '../workers/shared-state.ts'

export type ChecksumTurnsOptions = {
  readonly shared: Pick<SharedState, 'claim' | 'release'>
  /** Over all processes. */
  readonly maxAtOnce?: number
  /** Of this process; one more is refused. */
  readonly maxWaiting?: number
  readonly deadlineMilliseconds?: number
}

/** How often whoever is first in line asks for a place that another process may have given back. */
const betweenMilliseconds = 50

export class ChecksumTurns {
  readonly #shared: ChecksumTurnsOptions['shared']
  readonly #maxAtOnce: number
  readonly #maxWaiting: number
  readonly #deadlineMilliseconds: number
  #waiting = 0
  /** Resolves when whoever came last has got a place, or has gone. */
  #last: Promise<unknown> = Promise.resolve()

  constructor({ shared, maxAtOnce = 4, maxWaiting = 64, deadlineMilliseconds = 30_000 }: ChecksumTurnsOptions) {
    this.#shared = shared
    this.#maxAtOnce = maxAtOnce
    this.#maxWaiting = maxWaiting
    this.#deadlineMilliseconds = deadlineMilliseconds
  }

  /** Runs work when its turn has come. Rejects with the StorageError `busy` when too many wait, when it takes too long and once the signal is aborted, and with what the work rejects with. */
  async run<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= this.#maxWaiting) throw new StorageError('busy')
    const before = this.#last
    const patience = AbortSignal.any([signal, AbortSignal.timeout(this.#deadlineMilliseconds)])
    const admitted = before.then(() => this.#admit(patience))
    this.#last = admitted.catch(() => undefined)
    this.#waiting += 1
    await admitted.finally(() => {
      this.#waiting -= 1
    })
    try {
      return await work()
    } finally {
      this.#shared.release('checksum', '')
    }
  }

  async #admit(patience: AbortSignal): Promise<void> {
    for (;;) {
      if (patience.aborted) throw new StorageError('busy')
      if (await this.#claim()) return
      await delay(betweenMilliseconds, undefined, { signal: patience, ref: false }).catch(() => undefined)
    }
  }

  /** Who decides may be silent for a moment. */
  async #claim(): Promise<boolean> {
    try {
      return await this.#shared.claim('checksum', '', this.#maxAtOnce)
    } catch {
      return false
    }
  }
}
