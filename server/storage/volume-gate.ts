/** How many calls to a volume are under way at once: one that hangs holds some of the threads for files, and never those of the others. */
import { StorageError } from './storage.ts'

/**
 * `command`: fails at once while the volume is stalled, and otherwise waits for its turn. `copy`: the same, but may honestly take long.
 * `transfer`: waits even then, since its client does. `ending`: what must be done in any case, however late.
 */
export type Errand = 'command' | 'copy' | 'transfer' | 'ending'

export type VolumeGatesOptions = {
  /** Of the runtime's pool. */
  readonly threads: number
  /** A volume has answered nothing for too long, or answers again. */
  readonly onStalled?: (directory: string) => void
  readonly onAnswering?: (directory: string) => void
  /** Milliseconds. */
  readonly now?: () => number
}

export type StalledVolume = {
  /** What it was first used for, as a path of the operating system. */
  readonly directory: string
  /** Milliseconds since it was found to be stalled. */
  readonly milliseconds: number
}

/** The gates of one process, which share its threads. */
export class VolumeGates {
  /** By the number of the device; by the path that it is to be found at, as long as that is all there is to know. */
  readonly #gates = new Map<number | string, VolumeGate>()
  readonly #devices = new Map<string, number>()
  readonly #pool: Pool
  #watch: NodeJS.Timeout | undefined

  constructor(options: VolumeGatesOptions) {
    const now = options.now ?? (() => performance.now())
    this.#pool = {
      threads: Math.max(2, options.threads - (options.threads < fewThreads ? 1 : threadsForPasswords)),
      running: 0,
      waiting: 0,
      lost: 0,
      patienceMilliseconds: 120_000,
      now,
      begun: () => {
        this.#watch ??= setInterval(() => this.#look(), lookMilliseconds).unref()
      },
      freed: () => {
        for (const gate of this.#gates.values()) gate.letIn()
      },
      stalled: directory => options.onStalled?.(directory),
      answering: directory => options.onAnswering?.(directory),
    }
  }

  /** How long a transfer may stand still, which is how long a command may take; a quarter of it without any answer is a stalled volume. */
  set patienceSeconds(seconds: number) {
    this.#pool.patienceMilliseconds = seconds * 1000
  }

  ofDevice(device: number, directory: string): VolumeGate {
    return this.#of(device, directory)
  }

  /** For opening a directory: what its device is may be asked only through a gate. Where nothing is known yet, those with the same `mount` share one. */
  ofDirectory(directory: string, mount: string): VolumeGate {
    return this.#of(this.#devices.get(directory) ?? mount, mount)
  }

  learn(directory: string, device: number): void {
    if (this.#devices.size < maxLearned || this.#devices.has(directory)) this.#devices.set(directory, device)
  }

  get stalled(): readonly StalledVolume[] {
    return [...this.#gates.values()].flatMap(gate => gate.stalled ?? [])
  }

  #of(key: number | string, directory: string): VolumeGate {
    const known = this.#gates.get(key)
    if (known !== undefined) return known
    if (this.#gates.size >= maxGates) for (const [each, gate] of this.#gates) if (gate.isIdle) this.#gates.delete(each)
    const gate = new VolumeGate(this.#pool, directory)
    this.#gates.set(key, gate)
    return gate
  }

  #look(): void {
    for (const gate of this.#gates.values()) gate.look()
    if (this.#pool.running > 0) return
    clearInterval(this.#watch)
    this.#watch = undefined
  }
}

/** Passwords are checked two at a time in the same threads. */
const threadsForPasswords = 2
const fewThreads = 8
const lookMilliseconds = 500
const probeMilliseconds = 1000
const maxGates = 1024
const maxLearned = 10_000
const maxWaiting = 16_384
/** Calls that send a file wait in the kernel for the disk: more of them at once send no faster. */
const mostSending = 3

type Pool = {
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
  readonly #sending = new Turns(mostSending)
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

  constructor(pool: Pool, directory: string) {
    this.#pool = pool
    this.#directory = directory
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

  /** For calls that send a file by themselves, of which fewer run at once. */
  async send(call: () => Promise<number>): Promise<number> {
    await this.#sending.begin()
    try {
      return await this.run(call, 'transfer')
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
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.#free = atOnce
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
