/** A few lanes on which jobs run one after the other, with a bound for those that wait and a deadline for each. */

export type JobQueueOptions = {
  /** Jobs that may wait for a lane; one more is refused. */
  readonly maxWaiting: number
  /** From the call to the result, waiting included. */
  readonly deadlineMilliseconds: number
}

type Start<Lane> = (lane: Lane) => void

/** Each lane is given to one job at a time. */
export class JobQueue<Lane> {
  readonly #options: JobQueueOptions
  readonly #idle: Lane[]
  readonly #waiting = new Set<Start<Lane>>()
  readonly #unfinished = new Set<AbortController>()
  #closed = false

  constructor(lanes: readonly Lane[], options: JobQueueOptions) {
    this.#idle = [...lanes]
    this.#options = options
  }

  /** The job's result, or `overloaded` if there is no room or no time for it. The signal tells the job that nobody waits for it any more; its lane is free only when it has ended nevertheless. */
  async run<Result>(job: (lane: Lane, signal: AbortSignal) => Promise<Result>): Promise<Result | 'overloaded'> {
    if (this.#closed) return 'overloaded'
    if (this.#idle.length === 0 && this.#waiting.size >= this.#options.maxWaiting) return 'overloaded'
    const { promise, resolve, reject } = Promise.withResolvers<Result | 'overloaded'>()
    const controller = new AbortController()
    const start: Start<Lane> = lane => {
      job(lane, controller.signal)
        .then(resolve, reject)
        .finally(() => this.#release(lane))
    }
    controller.signal.addEventListener('abort', () => {
      this.#waiting.delete(start)
      resolve('overloaded')
    })
    const timer = setTimeout(() => controller.abort(), this.#options.deadlineMilliseconds)
    this.#unfinished.add(controller)
    const lane = this.#idle.pop()
    if (lane === undefined) this.#waiting.add(start)
    else start(lane)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#unfinished.delete(controller)
    }
  }

  /** Answers all jobs with `overloaded`, those that run and those that wait. */
  close(): void {
    this.#closed = true
    for (const controller of this.#unfinished) controller.abort()
  }

  #release(lane: Lane): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#idle.push(lane)
      return
    }
    this.#waiting.delete(next)
    next(lane)
  }
}
