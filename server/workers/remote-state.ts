/** The shared state as a worker sees it: the supervisor is asked, with a deadline and a bound on what waits. */
import type { Answer, FromWorker } from './messages.ts'
import { type ClaimKind, type SharedState, SharedStateError } from './shared-state.ts'

export type RemoteStateOptions = {
  readonly send: (message: FromWorker) => void
  readonly deadlineMilliseconds?: number
  readonly maxPending?: number
}

type Question = Extract<FromWorker, { readonly kind: 'claim' | 'is-claimed' }>
type Pending = { readonly question: Question; readonly settle: (answer: boolean | SharedStateError) => void }

export class RemoteState implements SharedState {
  readonly #send: RemoteStateOptions['send']
  readonly #deadlineMilliseconds: number
  readonly #maxPending: number
  readonly #pending = new Map<number, Pending>()
  #lastRequest = 0
  #lost = false

  constructor({ send, deadlineMilliseconds = 5000, maxPending = 4096 }: RemoteStateOptions) {
    this.#send = send
    this.#deadlineMilliseconds = deadlineMilliseconds
    this.#maxPending = maxPending
  }

  claim(kind: ClaimKind, key: string, limit: number | undefined): true | Promise<boolean> {
    const question = { kind: 'claim', request: this.#nextRequest(), claim: kind, key, limit } as const
    if (limit !== undefined) return this.#ask(question)
    this.#send(question)
    return true
  }

  isClaimed(kind: ClaimKind, key: string): Promise<boolean> {
    return this.#ask({ kind: 'is-claimed', request: this.#nextRequest(), claim: kind, key })
  }

  release(kind: ClaimKind, key: string): void {
    this.#send({ kind: 'release', claim: kind, key })
  }

  answered({ request, yes }: Answer): void {
    const pending = this.#pending.get(request)
    this.#pending.delete(request)
    pending?.settle(yes)
  }

  /** The supervisor is gone: nothing is granted any more. */
  lose(): void {
    this.#lost = true
    for (const { settle } of this.#pending.values()) settle(new SharedStateError('The supervisor is gone.'))
    this.#pending.clear()
  }

  #nextRequest(): number {
    this.#lastRequest += 1
    return this.#lastRequest
  }

  #ask(question: Question): Promise<boolean> {
    if (this.#lost || this.#pending.size >= this.#maxPending) {
      return Promise.reject(new SharedStateError('Too many claims wait for an answer.'))
    }
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        reject(new SharedStateError('A claim was not answered in time.'))
      }, this.#deadlineMilliseconds)
      const settle = (answer: boolean | SharedStateError): void => {
        clearTimeout(timer)
        if (answer instanceof SharedStateError) return reject(answer)
        // What is granted to somebody who has given up is given back.
        if (late && answer && question.kind === 'claim') this.release(question.claim, question.key)
        resolve(answer)
      }
      // One that is late stays until its answer comes: the bound holds for what the supervisor still has to do.
      this.#pending.set(question.request, { question, settle })
      this.#send(question)
    })
  }
}
