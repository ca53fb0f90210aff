/** How many transfers are in MODE Z, over all processes: each has memory of its own, and work for a few threads that all share. Others wait for their turn. */
import { setTimeout as delay } from 'node:timers/promises'
import type { SharedState } from '../../workers/shared-state.ts'
import { EncodingError } from './encoding.ts'

export type DeflateSlotsOptions = {
  readonly shared: Pick<SharedState, 'claim' | 'release'>
  readonly patienceMilliseconds?: number
}

/** How often whoever is first in line asks for a place that somebody may have given back. */
const betweenMilliseconds = 50

export class DeflateSlots {
  readonly #shared: DeflateSlotsOptions['shared']
  readonly #patienceMilliseconds: number
  #waiting = 0
  /** Resolves when whoever came last has got a place, or has gone. */
  #last: Promise<unknown> = Promise.resolve()

  constructor({ shared, patienceMilliseconds = 30_000 }: DeflateSlotsOptions) {
    this.#shared = shared
    this.#patienceMilliseconds = patienceMilliseconds
  }

  /**
   * Resolves when there are fewer than `most`, in the order of asking in this process; call what it resolves to when done. Rejects with an
   * EncodingError when that takes too long, or the signal is aborted.
   */
  async take(most: number, signal: AbortSignal): Promise<() => void> {
    const isFree = this.#waiting === 0 && !signal.aborted && (await this.#claim(most))
    if (!isFree) await this.#turn(most, signal)
    return () => this.#shared.release('deflate', '')
  }

  async #turn(most: number, signal: AbortSignal): Promise<void> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(this.#patienceMilliseconds)])
    this.#waiting += 1
    const admitted = this.#last.then(() => this.#admit(most, patience))
    this.#last = admitted.catch(() => undefined)
    await admitted.finally(() => {
      this.#waiting -= 1
    })
  }

  async #admit(most: number, patience: AbortSignal): Promise<void> {
    for (;;) {
      if (patience.aborted) throw new EncodingError('too-many-deflated')
      if (await this.#claim(most)) return
      await delay(betweenMilliseconds, undefined, { signal: patience, ref: false }).catch(() => undefined)
    }
  }

  /** Who decides may be silent for a moment. */
  async #claim(most: number): Promise<boolean> {
    try {
      return await this.#shared.claim('deflate', '', most)
    } catch {
      return false
    }
  }
}
