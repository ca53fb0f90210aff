/** A worker thread for one check at a time: started when needed, ended when it was not for a while, started anew after it died. */
import { Worker } from 'node:worker_threads'
import type { ThreadHash, ThreadRequest } from './password-worker.ts'

export class PasswordThread {
  readonly #url: URL
  readonly #restMilliseconds: number
  #restTimer: NodeJS.Timeout | undefined
  #worker: Worker | undefined
  #pending: PromiseWithResolvers<boolean> | undefined

  /** An idle thread holds some 10 MiB: it ends after the time given. */
  constructor(url: URL, restMilliseconds: number) {
    this.#url = url
    this.#restMilliseconds = restMilliseconds
  }

  /** Whether the password matches. Rejects if the thread dies; a signal ends the thread, because nothing else stops a computation. */
  async check(hash: ThreadHash, password: string, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    clearTimeout(this.#restTimer)
    const pending = Promise.withResolvers<boolean>()
    this.#pending = pending
    const abort = () => {
      void this.#drop(new Error('Nobody waits for the check of the password any more.'))
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      this.#worker ??= this.#start()
      this.#worker.postMessage({ hash, password } satisfies ThreadRequest)
      return await pending.promise
    } finally {
      signal.removeEventListener('abort', abort)
      this.#pending = undefined
      this.#rest()
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#restTimer)
    await this.#drop(new Error('The server is closing.'))
  }

  #rest(): void {
    if (this.#worker === undefined) return
    this.#restTimer = setTimeout(() => void this.#drop(new Error('The thread was idle.')), this.#restMilliseconds)
    this.#restTimer.unref()
  }

  #start(): Worker {
    const worker = new Worker(this.#url, { env: {}, execArgv: [], name: 'password' })
    worker.unref()
    worker.on('message', matches => {
      if (worker === this.#worker) this.#pending?.resolve(matches === true)
    })
    worker.on('error', error => this.#lost(worker, error))
    worker.on('exit', code => this.#lost(worker, new Error(`The password thread ended with code ${code}.`)))
    return worker
  }

  #lost(worker: Worker, error: unknown): void {
    if (worker !== this.#worker) return
    this.#worker = undefined
    this.#pending?.reject(error)
  }

  async #drop(reason: Error): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    this.#pending?.reject(reason)
    await worker?.terminate()
  }
}
