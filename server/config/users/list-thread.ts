/** Reads a large list of users in a thread of its own, which lives only while it reads. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ListHead, ListQuestion } from './list-messages.ts'

export class ListThread {
  readonly #worker: Worker
  readonly #signal: AbortSignal

  /** The deadline is for all that is asked. */
  constructor(deadlineMilliseconds: number) {
    this.#worker = new Worker(new URL(workerFile(import.meta.url), import.meta.url), {
      env: {},
      execArgv: [],
      name: 'user-list',
    })
    // What goes wrong while nobody asks is heard by whoever asks next, or by nobody.
    this.#worker.on('error', () => {})
    this.#signal = AbortSignal.timeout(deadlineMilliseconds)
  }

  /** Rejects if it takes too long or needs more memory than there is. */
  async head(question: ListQuestion): Promise<ListHead> {
    return (await this.#ask(question)) as ListHead
  }

  /** The next entries that are new, some at a time; none after the last one. Rejects as head does. */
  async entries(): Promise<readonly unknown[]> {
    return (await this.#ask('next')) as readonly unknown[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }

  async #ask(question: ListQuestion | 'next'): Promise<unknown> {
    // It rejects on the event `error` as well.
    const answer = once(this.#worker, 'message', { signal: this.#signal })
    this.#worker.postMessage(question)
    return (await answer)[0]
  }
}

// The bundle is one `.mjs` file and the worker another one in the same directory.
function workerFile(moduleUrl: string): string {
  return moduleUrl.endsWith('.ts') ? './list-worker.ts' : './list-worker.mjs'
}
