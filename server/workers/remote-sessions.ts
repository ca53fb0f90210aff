/** The sessions of all processes as a worker learns of them: the supervisor is asked, with a deadline, once for all who ask at the same time. */
import type { SessionStatus } from '../telemetry/status.ts'
import type { FromWorker, SessionsAnswer } from './messages.ts'

export type RemoteSessionsOptions = {
  readonly send: (message: FromWorker) => void
  readonly deadlineMilliseconds?: number
}

export class RemoteSessions {
  readonly #send: RemoteSessionsOptions['send']
  readonly #deadlineMilliseconds: number
  #asked: Asked | undefined
  #lastRequest = 0

  constructor({ send, deadlineMilliseconds = 5000 }: RemoteSessionsOptions) {
    this.#send = send
    this.#deadlineMilliseconds = deadlineMilliseconds
  }

  /** Undefined if there is no answer in time. */
  list(): Promise<Sessions> {
    this.#asked ??= this.#ask()
    return this.#asked.answer.promise
  }

  answered({ request, sessions }: SessionsAnswer): void {
    if (this.#asked?.request === request) this.#settle(sessions)
  }

  #ask(): Asked {
    this.#lastRequest += 1
    const answer = Promise.withResolvers<Sessions>()
    const timer = setTimeout(() => this.#settle(undefined), this.#deadlineMilliseconds)
    void answer.promise.then(() => clearTimeout(timer))
    this.#send({ kind: 'who', request: this.#lastRequest })
    return { request: this.#lastRequest, answer }
  }

  #settle(sessions: Sessions): void {
    this.#asked?.answer.resolve(sessions)
    this.#asked = undefined
  }
}

type Asked = { readonly request: number; readonly answer: PromiseWithResolvers<Sessions> }
type Sessions = readonly SessionStatus[] | undefined
