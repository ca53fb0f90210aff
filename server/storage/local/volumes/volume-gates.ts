/** A gate for each volume that is used: all share the threads of the process. */
import { type Pool, type StalledVolume, VolumeGate } from './volume-gate.ts'

export type VolumeGatesOptions = {
  /** Of the runtime's pool. */
  readonly threads: number
  /** A volume has answered nothing for too long, or answers again. */
  readonly onStalled?: (directory: string) => void
  readonly onAnswering?: (directory: string) => void
  /** Milliseconds. */
  readonly now?: () => number
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
const maxGates = 1024
const maxLearned = 10_000
