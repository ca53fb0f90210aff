/** Quotas as a worker sees them: the supervisor keeps count, and is asked with a deadline and a bound on what waits. */
import type { Change, QuotaLimit, Quotas, Taking, Usage } from '../storage/quota/quotas.ts'
import { StorageError } from '../storage/storage.ts'
import type { FromWorker, TakingAnswer, UsageAnswer } from './messages.ts'

export type RemoteQuotasOptions = {
  readonly send: (message: FromWorker) => void
  readonly deadlineMilliseconds?: number
  readonly maxPending?: number
}

type Answer = (TakingAnswer | UsageAnswer)['answer']

export class RemoteQuotas implements Quotas {
  readonly #send: RemoteQuotasOptions['send']
  readonly #deadlineMilliseconds: number
  readonly #maxPending: number
  readonly #pending = new Map<number, (answer: Answer) => void>()
  #lastRequest = 0
  #lost = false

  constructor({ send, deadlineMilliseconds = 5000, maxPending = 4096 }: RemoteQuotasOptions) {
    this.#send = send
    this.#deadlineMilliseconds = deadlineMilliseconds
    this.#maxPending = maxPending
  }

  take(taking: Taking): Promise<number> {
    const late = (granted: number): void => this.#giveBack(taking, granted)
    return this.#ask(request => ({ kind: 'take', request, taking }), late)
  }

  usage(limits: readonly QuotaLimit[]): Promise<readonly Usage[]> {
    return this.#ask(
      request => ({ kind: 'usage', request, limits }),
      () => undefined,
    )
  }

  change(change: Change): void {
    this.#send({ kind: 'change', change })
  }

  answered({ request, answer }: TakingAnswer | UsageAnswer): void {
    const settle = this.#pending.get(request)
    this.#pending.delete(request)
    settle?.(answer)
  }

  /** The supervisor is gone: nothing is given any more. */
  lose(): void {
    this.#lost = true
    for (const settle of this.#pending.values()) settle('busy')
    this.#pending.clear()
  }

  /** What comes too late is told, too. */
  #ask<Result extends Exclude<Answer, string>>(
    question: (request: number) => FromWorker,
    onLate: (result: Result) => void,
  ): Promise<Result> {
    if (this.#lost || this.#pending.size >= this.#maxPending) return Promise.reject(new StorageError('busy'))
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        reject(new StorageError('busy'))
      }, this.#deadlineMilliseconds)
      // One that is late stays until its answer comes: the bound holds for what the supervisor still has to do.
      this.#pending.set(request, answer => {
        clearTimeout(timer)
        if (typeof answer === 'string') return reject(new StorageError(answer))
        if (late) onLate(answer as Result)
        resolve(answer as Result)
      })
      this.#send(question(request))
    })
  }

  #giveBack({ path, files, upload }: Taking, bytes: number): void {
    this.change({ path, bytes: -bytes, files: -files, ...(upload === 'begins' && { upload: 'ends' }) })
  }
}
