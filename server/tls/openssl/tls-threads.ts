/**
 * Large files under TLS are read, encrypted and sent by worker threads: so a process uses as many processors as it has threads for that.
 * Not by those of the runtime, which take turns: each piece would be another's, on another processor.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { loadLibrary } from '../../data/kernel/native.ts'
import { createWaitingSends, type WaitingSends } from '../../data/kernel/waiting-sends.ts'
import type { SendRequest } from './tls-sender.ts'

/** Each takes some 10 MiB. */
const mostThreads = 4
/** Of a thread that nobody has needed. */
const restMilliseconds = 10_000

/** One could not start: what was missing, of memory or processes, will be for a while. */
const pauseMilliseconds = 10_000

export type ThreadSending = SendRequest & {
  /** A descriptor of the connection. */
  readonly connection: number
  /** For a client that is quick. */
  readonly waiting: 'briefly' | undefined
}

export type TlsThreadsOptions = {
  /** What each runs. */
  readonly sender?: URL
  /** In milliseconds; never goes back. */
  readonly now?: () => number
}

/** Those of a process. Nothing to close: threads that rest end, and none keeps the process. */
export class TlsThreads {
  readonly #sends: WaitingSends
  readonly #threads: readonly SendingThread[]
  readonly #now: () => number
  #noStartBefore = -Infinity

  /** Throws where there are no such calls. */
  constructor({ sender = senderOf(import.meta.url), now = () => performance.now() }: TlsThreadsOptions = {}) {
    this.#now = now
    const onFailure = (): void => {
      this.#noStartBefore = now() + pauseMilliseconds
    }
    const count = Math.min(mostThreads, availableParallelism())
    this.#threads = Array.from({ length: count }, () => new SendingThread(sender, onFailure))
    this.#sends = createWaitingSends(loadLibrary())
  }

  /** A thread that is free now. One that has to start is none yet, but will be. */
  take(): SendingThread | undefined {
    const inState = (wanted: SendingThread['state']) => this.#threads.find(({ state }) => state === wanted)
    const free = inState('free')
    if (free !== undefined) return free
    if (inState('starting') === undefined && this.#now() >= this.#noStartBefore) inState('none')?.start()
    return undefined
  }

  /** Sends up to so many bytes of a file, and waits for a quick client where it is told to. Resolves to how many. */
  async send(thread: SendingThread, { connection, waiting, ...request }: ThreadSending): Promise<number> {
    this.#sends.fillPackets(connection)
    const waits = waiting === 'briefly' && this.#sends.limitWaiting(connection)
    if (waits) this.#sends.wait(connection)
    try {
      return await thread.send(request)
    } finally {
      if (waits) this.#sends.waitNoMore(connection)
    }
  }

  /** Ends a connection under a call that runs, which returns soon. */
  stop(connection: number): void {
    this.#sends.end(connection)
  }
}

type ThreadState = 'none' | 'starting' | 'free' | 'busy' | 'ending'

class SendingThread {
  readonly #sender: URL
  readonly #onFailure: () => void
  #worker: Worker | undefined
  #state: ThreadState = 'none'
  #pending: PromiseWithResolvers<number> | undefined
  #rest: NodeJS.Timeout | undefined

  /** `onFailure`: it could not start. */
  constructor(sender: URL, onFailure: () => void) {
    this.#sender = sender
    this.#onFailure = onFailure
  }

  get state(): ThreadState {
    return this.#state
  }

  start(): void {
    const worker = this.#begun()
    if (worker === undefined) return this.#onFailure()
    this.#worker = worker
    this.#state = 'starting'
    worker.unref()
    worker.on('message', (answer: 'ready' | number) => this.#answered(answer))
    worker.on('error', () => {})
    worker.once('exit', () => this.#ended(worker))
  }

  /** Where the system has no more threads, the constructor throws; what is wrong later is told by the end. */
  #begun(): Worker | undefined {
    try {
      return new Worker(this.#sender, { env: {}, execArgv: [], name: 'tls-sender' })
    } catch {
      return undefined
    }
  }

  /** Of a thread that is free. Rejects if it ends. */
  send(request: SendRequest): Promise<number> {
    clearTimeout(this.#rest)
    this.#state = 'busy'
    this.#pending = Promise.withResolvers<number>()
    this.#worker?.postMessage(request)
    return this.#pending.promise
  }

  #answered(answer: 'ready' | number): void {
    this.#state = 'free'
    this.#rest = setTimeout(() => this.#end(), restMilliseconds)
    this.#rest.unref()
    if (answer !== 'ready') this.#pending?.resolve(answer)
    this.#pending = undefined
  }

  #end(): void {
    this.#state = 'ending'
    void this.#worker?.terminate()
  }

  #ended(worker: Worker): void {
    if (worker !== this.#worker) return
    clearTimeout(this.#rest)
    if (this.#state === 'starting') this.#onFailure()
    this.#worker = undefined
    this.#state = 'none'
    this.#pending?.reject(new Error('The thread has ended.'))
    this.#pending = undefined
  }
}

// The bundle is one `.mjs` file and the worker another one in the same directory.
function senderOf(moduleUrl: string): URL {
  return new URL(moduleUrl.endsWith('.ts') ? './tls-sender.ts' : './tls-sender.mjs', moduleUrl)
}
