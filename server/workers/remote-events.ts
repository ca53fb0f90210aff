/** The spool as a worker sees it: events go to the supervisor, which says when it has stored them. */
import type { EventKind } from '../config/schema/events.ts'
import type { CloudEvent } from '../events/event.ts'
import type { EventOutlet } from '../events/event-maker.ts'
import type { FromWorker } from './messages.ts'

export type RemoteEventsOptions = {
  readonly send: (message: FromWorker) => void
  readonly onDropped: (reason: 'busy') => void
  readonly maxPending?: number
}

export class RemoteEvents implements EventOutlet {
  readonly #options: RemoteEventsOptions
  readonly #maxPending: number
  readonly #pending = new Map<number, () => void>()
  #lastRequest = 0
  #lost = false
  #onSettled: (() => void) | undefined

  constructor(options: RemoteEventsOptions) {
    this.#options = options
    this.#maxPending = options.maxPending ?? 10_000
  }

  put(event: CloudEvent, kind: EventKind): Promise<void> {
    if (this.#lost || this.#pending.size >= this.#maxPending) {
      this.#options.onDropped('busy')
      return Promise.resolve()
    }
    this.#lastRequest += 1
    const request = this.#lastRequest
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pending.set(request, resolve)
    this.#options.send({ kind: 'event', request, event, eventKind: kind })
    return promise
  }

  answered(requests: readonly number[]): void {
    for (const request of requests) {
      this.#pending.get(request)?.()
      this.#pending.delete(request)
    }
    if (this.#pending.size === 0) this.#onSettled?.()
  }

  /** The supervisor is gone, and the spool with it. */
  lose(): void {
    this.#lost = true
    this.answered([...this.#pending.keys()])
  }

  /** Resolves when the supervisor has stored all of them, or after so long. */
  async settled(milliseconds: number): Promise<void> {
    if (this.#pending.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onSettled = resolve
    const timer = setTimeout(resolve, milliseconds)
    await promise
    clearTimeout(timer)
  }
}
