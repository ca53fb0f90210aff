/** How many calls to a volume are under way at once: one that hangs holds some of the threads for files, and never those of the others. */
import { StorageError } from '../../storage.ts'

/**
 * `command`: fails at once while the volume is stalled, and otherwise waits for its turn. `copy`: the same, but may honestly take long.
 * `transfer`: waits even then, since its client does. `ending`: what must be done in any case, however late.
 */
export type Errand = 'command' | 'copy' | 'transfer' | 'ending'

export type StalledVolume = {
  /** What it was first used for, as a path of the operating system. */
  readonly directory: string
  /** Milliseconds since it was found to be stalled. */
  readonly milliseconds: number
}

/** The threads of a process, as the gates of all volumes share them. */
export type Pool = {
  readonly threads: number
  /** Calls of all volumes. */
  running: number
  waiting: number
  /** Those that run on stalled ones. */
  lost: number
  patienceMilliseconds: number
  readonly now: () => number
  readonly begun: () => void
  readonly freed: () => void
  readonly stalled: (directory: string) => void
  readonly answering: (directory: string) => void
}

type Waiting = { readonly errand: Errand; readonly start: () => void; readonly refuse: () => void }

const probeMilliseconds = 1000
const maxWaiting = 16_384
/** Calls that send a file, at once: so much of the threads, so that others find one soon. */
const sendingShare = 0.6
const crowdedMilliseconds = 1000
/** With fewer than this, clients would take turns. */
const leastSending = 3

/** Runs an operation in its turn; at once where there is no gate. */
export function inTurn<Result>(
  gate: VolumeGate | undefined,
  operation: () => Promise<Result>,
  errand?: Errand,
): Promise<Result> {
  return gate === undefined ? operation() : gate.run(operation, errand)
}

/** One volume. Whoever enters has to leave. */
export class VolumeGate {
  readonly #pool: Pool
  readonly #directory: string
  readonly #waiting = new Set<Waiting>()
  readonly #sending: Turns
  #running = 0
  /** Of them, those that may honestly take long. */
  #slow = 0
  #answered = 0
  #seen = -1
  /** Since when there was no answer, as far as was looked. */
  #silentSince = 0
  #stalledSince: number | undefined
  #probing = false
  #probeAfter = 0
  /** When as many have last waited for a turn to send as had one. */
  #crowdedAt = Number.NEGATIVE_INFINITY

  constructor(pool: Pool, directory: string) {
    this.#pool = pool
    this.#directory = directory
    this.#sending = new Turns(Math.max(leastSending, Math.floor(pool.threads * sendingShare)))
  }

  /** Undefined where it may begin at once. Rejects with the StorageError `not-answering`. */
  enter(errand: Errand): Promise<void> | undefined {
    if (this.#waiting.size === 0 && this.#hasRoom && (this.#stalledSince === undefined || this.#mayProbe())) {
      this.#begin(errand)
      return undefined
    }
    return this.#wait(errand)
  }

  leave(errand: Errand): void {
    this.#running--
    this.#pool.running--
    if (errand === 'ending' || errand === 'copy') this.#slow--
    this.#answered++
    if (this.#stalledSince !== undefined) {
      this.#pool.lost--
      this.#recover()
    }
    if (this.#pool.waiting > 0) this.#pool.freed()
  }

  async run<Result>(operation: () => Promise<Result>, errand: Errand = 'command'): Promise<Result> {
    const entering = this.enter(errand)
    if (entering !== undefined) await entering
    try {
      return await operation()
    } finally {
      this.leave(errand)
    }
  }

  /** For calls that send a file by themselves, of which fewer run at once. Each may ask how many others wait for each that runs. */
  async send(call: (others: () => number) => Promise<number>): Promise<number> {
    if (this.#sending.waiting >= this.#sending.atOnce) this.#crowdedAt = this.#pool.now()
    await this.#sending.begin()
    try {
      return await this.run(() => call(() => this.#others), 'transfer')
    } finally {
      this.#sending.end()
    }
  }

  /** Within `run`: gives the place away while an operation takes places of its own. */
  async without<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.leave('command')
    try {
      return await operation()
    } finally {
      this.#begin('command')
    }
  }

  get stalled(): StalledVolume | undefined {
    if (this.#stalledSince === undefined) return undefined
    return { directory: this.#directory, milliseconds: this.#pool.now() - this.#stalledSince }
  }

  get isIdle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0
  }

  /** Lets those in who wait, as far as there is room. */
  letIn(): void {
    for (const waiting of this.#waiting) {
      if (!this.#hasRoom || (this.#stalledSince !== undefined && !this.#mayProbe())) return
      this.#forget(waiting)
      this.#begin(waiting.errand)
      waiting.start()
    }
  }

  /** Called now and then while anything is under way. */
  look(): void {
    const now = this.#pool.now()
    const isAwaited = this.#running > this.#slow || (this.#running > 0 && this.#waiting.size > 0)
    if (!isAwaited || this.#seen !== this.#answered) {
      this.#seen = this.#answered
      this.#silentSince = now
    } else if (this.#stalledSince === undefined && now - this.#silentSince >= this.#pool.patienceMilliseconds / 4) {
      this.#stall(now)
    }
    if (this.#stalledSince !== undefined) this.letIn()
  }

  get #hasRoom(): boolean {
    const { threads, running, lost } = this.#pool
    // What others hold that hang is not to be had: of the rest, a quarter is for the others.
    const left = threads - lost + (this.#stalledSince === undefined ? 0 : this.#running)
    return running < threads && this.#running < Math.max(1, Math.min(left - 1, Math.ceil(left * 0.75)))
  }

  get #others(): number {
    const { threads, running, waiting } = this.#pool
    // Where hardly a thread is left, somebody will soon want one.
    const waits = this.#sending.waiting + waiting + (running >= threads - 1 ? 1 : 0)
    const { atOnce } = this.#sending
    // Clients that are waited for elsewhere come back: a moment without a queue does not mean that threads are to spare.
    const isCrowded = this.#pool.now() - this.#crowdedAt < crowdedMilliseconds
    return Math.max(waits, isCrowded ? atOnce : 0) / atOnce
  }

  #mayProbe(): boolean {
    return !this.#probing && this.#pool.now() >= this.#probeAfter
  }

  #begin(errand: Errand): void {
    this.#running++
    this.#pool.running++
    if (errand === 'ending' || errand === 'copy') this.#slow++
    if (this.#stalledSince !== undefined) {
      this.#pool.lost++
      this.#probing = true
    }
    this.#pool.begun()
  }

  async #wait(errand: Errand): Promise<void> {
    const isPatient = errand === 'ending' || errand === 'transfer'
    if (errand !== 'ending' && ((this.#stalledSince !== undefined && !isPatient) || this.#waiting.size >= maxWaiting))
      throw notAnswering()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { errand, start: resolve, refuse: () => reject(notAnswering()) }
    this.#waiting.add(waiting)
    this.#pool.waiting++
    if (errand === 'ending') return await promise
    const timer = setTimeout(() => {
      this.#forget(waiting)
      waiting.refuse()
    }, this.#pool.patienceMilliseconds)
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }

  #forget(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) this.#pool.waiting--
  }

  #stall(now: number): void {
    this.#stalledSince = now
    this.#probing = false
    this.#probeAfter = now + probeMilliseconds
    this.#pool.lost += this.#running
    for (const waiting of this.#waiting) {
      if (waiting.errand === 'ending' || waiting.errand === 'transfer') continue
      this.#forget(waiting)
      waiting.refuse()
    }
    this.#pool.stalled(this.#directory)
  }

  #recover(): void {
    this.#stalledSince = undefined
    this.#pool.lost -= this.#running
    this.#pool.answering(this.#directory)
  }
}

function notAnswering(): StorageError {
  return new StorageError('not-answering')
}

/** Lets so many go on at once, and the others in order. */
class Turns {
  readonly atOnce: number
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.atOnce = atOnce
    this.#free = atOnce
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async begin(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  end(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
