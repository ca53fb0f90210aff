/** The pace of the transfers of one session in one direction. */
import type { Bandwidth, Limit } from './bandwidth.ts'
import { RateBucket } from './rate-bucket.ts'

/** What a session is under, as the configuration says now. */
export type PaceLimits = {
  readonly perSession: number | undefined
  /** Those that it shares, by name. */
  readonly shared: readonly { readonly key: string; readonly bytesPerSecond: number }[]
}

export type PaceWait = {
  readonly signal: AbortSignal
  /** Whether there is nobody left to be slow for. */
  readonly isOver: () => boolean
  /** Called at each wait, which is not the client's fault. */
  readonly onWait: () => void
}

/** A piece takes so long at the rate, so that sessions that share it take turns often, and timers are few. */
const pieceMilliseconds = 50
const leastPiece = 512
const mostPiece = 1_048_576
/** Less is not worth a timer: the next wait is longer by it. */
const leastWaitMilliseconds = 2
const longestSleepMilliseconds = 500
/** How long the supervisor may take to say how much of a rate is this process's. */
const shareMilliseconds = 1000
const shareRetryMilliseconds = 10

export function isLimited(pace: Pace | undefined): pace is Pace {
  return pace?.isLimited === true
}

type Joined = Limit & { readonly key: string; readonly leave: () => void }

/** One for a session and direction: what a transfer has taken too much of, the next one waits for. Nothing to close between transfers. */
export class Pace {
  readonly #bandwidth: Bandwidth
  readonly #limits: () => PaceLimits | undefined
  #known: PaceLimits | undefined
  #own: RateBucket | undefined
  #joined: readonly Joined[] = []

  /** `limits` gives undefined where there are none, and the same object as long as they are the same. */
  constructor(bandwidth: Bandwidth, limits: () => PaceLimits | undefined) {
    this.#bandwidth = bandwidth
    this.#limits = limits
  }

  get isLimited(): boolean {
    return this.#limits() !== undefined
  }

  /** Resolves to how many of the wanted bytes may move, as soon as they may; at once where nobody limits them. */
  async take(wanted: number, wait: PaceWait): Promise<number> {
    this.#follow()
    if (this.#known === undefined || wait.isOver()) return wanted
    const limits = await this.#rates(wait)
    const slowest = Math.min(...limits.map(({ rate }) => rate))
    const piece = Math.floor((slowest * pieceMilliseconds) / 1000)
    const granted = Math.min(wanted, mostPiece, Math.max(leastPiece, piece))
    const { now } = this.#bandwidth
    let milliseconds = 0
    for (const { bucket, rate } of limits) milliseconds = Math.max(milliseconds, bucket.take(granted, rate, now))
    await this.#sleepUntil(now + milliseconds, wait)
    return granted
  }

  /** Of what was taken, bytes that did not move. */
  giveBack(bytes: number): void {
    const { perSession } = this.#known ?? {}
    if (perSession !== undefined) this.#own?.giveBack(bytes, perSession)
    for (const { bucket, bytesPerSecond } of this.#joined) {
      const rate = bytesPerSecond()
      if (rate !== undefined) bucket.giveBack(bytes, rate)
    }
  }

  /** The transfer is over: others that share a limit have more. */
  end(): void {
    for (const { leave } of this.#joined) leave()
    this.#joined = []
    this.#known = undefined
  }

  #follow(): void {
    const limits = this.#limits()
    if (limits === this.#known) return
    const before = this.#joined
    this.#known = limits
    this.#joined = (limits?.shared ?? []).map(({ key, bytesPerSecond }) => ({
      key,
      ...this.#bandwidth.join(key, bytesPerSecond),
    }))
    for (const { leave } of before) leave()
  }

  async #rates(wait: PaceWait): Promise<readonly { readonly bucket: RateBucket; readonly rate: number }[]> {
    const end = this.#bandwidth.now + shareMilliseconds
    const isUnknown = ({ bytesPerSecond }: Joined): boolean => bytesPerSecond() === undefined
    while (this.#joined.some(isUnknown) && this.#bandwidth.now < end && !isDone(wait))
      await sleep(shareRetryMilliseconds, wait.signal)
    const shared = this.#joined.map(({ key, bucket, bytesPerSecond }) => ({
      bucket,
      // Nobody answers: transfers go on all the same.
      rate: bytesPerSecond() ?? this.#known?.shared.find(limit => limit.key === key)?.bytesPerSecond ?? mostPiece,
    }))
    const { perSession } = this.#known ?? {}
    if (perSession === undefined) return shared
    this.#own ??= new RateBucket(this.#bandwidth.now)
    return [...shared, { bucket: this.#own, rate: perSession }]
  }

  async #sleepUntil(end: number, wait: PaceWait): Promise<void> {
    for (;;) {
      const left = end - this.#bandwidth.now
      if (left < leastWaitMilliseconds || isDone(wait)) return
      wait.onWait()
      await sleep(Math.min(left, longestSleepMilliseconds), wait.signal)
    }
  }
}

function isDone({ signal, isOver }: PaceWait): boolean {
  return signal.aborted || isOver()
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
