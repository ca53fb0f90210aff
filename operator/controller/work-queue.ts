/** Names that wait for work: each at most once, each worked on by one at a time, failures ever later. */
import { type BackoffPolicy, backoffMilliseconds } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'

export type WorkQueueOptions = {
  /** How many keys are worked on at a time. */
  readonly workers: number
  /** The work. It handles its own errors, and says what is next by the methods of the queue. */
  readonly work: (key: string) => Promise<void>
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly backoff?: BackoffPolicy
  readonly metrics?: WorkQueueMetrics
  /** What `work` threw nevertheless. */
  readonly onFault: (error: unknown, key: string) => void
}

/** Told of everything as it happens; the names of the metrics are those of controller-runtime. */
export interface WorkQueueMetrics {
  added(): void
  retried(): void
  depth(waiting: number): void
  started(waitedSeconds: number): void
  finished(workedSeconds: number): void
}

/**
 * Bounded by the number of keys there are: a key waits at most once, however often it is added.
 * Work on a key answers all adds before its start, delayed ones too; an add during the work means work again.
 */
export interface WorkQueue {
  /** Begins to work; what was added before waits until then. */
  start(): void
  add(key: string): void
  /** Adds it later. Of several such calls the last holds. */
  addAfter(key: string, delayMilliseconds: number): void
  /** Adds it later, and the more often since {@link forget} the later. */
  addRateLimited(key: string): void
  /** The key is well: its next failure is its first. */
  forget(key: string): void
  /** How often it was added as a failure since it was last well. */
  failures(key: string): number
  /** Since when each key that is worked on is, by the clock. */
  running(): readonly number[]
  /** Takes nothing any more, drops what waits, resolves when the running work has ended. */
  shutDown(): Promise<void>
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { workers, work, clock, random, backoff = defaultBackoff, metrics, onFault } = options
  /** When each was added, in the order of adding. */
  const waiting = new Map<string, number>()
  const startedAt = new Map<string, number>()
  /** Added while they were worked on. */
  const again = new Map<string, number>()
  const delayed = new Map<string, () => void>()
  const failuresOf = new Map<string, number>()
  const ended = Promise.withResolvers<void>()
  let isWoken = false
  let state: 'new' | 'working' | 'shut-down' = 'new'

  function add(key: string): void {
    if (state === 'shut-down' || waiting.has(key) || again.has(key)) return
    metrics?.added()
    if (startedAt.has(key)) {
      again.set(key, clock.milliseconds())
      return
    }
    waiting.set(key, clock.milliseconds())
    wake()
  }

  function addAfter(key: string, delayMilliseconds: number): void {
    if (state === 'shut-down') return
    cancelDelayed(key)
    if (delayMilliseconds <= 0) return add(key)
    const cancel = clock.after(delayMilliseconds, () => {
      delayed.delete(key)
      add(key)
    })
    delayed.set(key, cancel)
  }

  function cancelDelayed(key: string): void {
    delayed.get(key)?.()
    delayed.delete(key)
  }

  /** Work never begins within a call of ours: whoever adds is in the middle of something, and may add the same again. */
  function wake(): void {
    metrics?.depth(waiting.size)
    if (isWoken) return
    isWoken = true
    queueMicrotask(fill)
  }

  /** Starts as many as may run. */
  function fill(): void {
    isWoken = false
    if (state === 'working') {
      for (const [key, addedAt] of waiting) {
        if (startedAt.size >= workers) break
        waiting.delete(key)
        cancelDelayed(key)
        const now = clock.milliseconds()
        startedAt.set(key, now)
        metrics?.started((now - addedAt) / 1000)
        void run(key)
      }
    }
    metrics?.depth(waiting.size)
  }

  async function run(key: string): Promise<void> {
    try {
      await work(key)
    } catch (error) {
      onFault(error, key)
    }
    const now = clock.milliseconds()
    metrics?.finished((now - (startedAt.get(key) ?? now)) / 1000)
    startedAt.delete(key)
    const addedAt = again.get(key)
    again.delete(key)
    if (state === 'shut-down') {
      if (startedAt.size === 0) ended.resolve()
      return
    }
    if (addedAt !== undefined) waiting.set(key, addedAt)
    wake()
  }

  return {
    start() {
      if (state !== 'new') return
      state = 'working'
      wake()
    },
    add,
    addAfter,
    addRateLimited(key) {
      if (state === 'shut-down') return
      const failures = (failuresOf.get(key) ?? 0) + 1
      failuresOf.set(key, failures)
      metrics?.retried()
      addAfter(key, backoffMilliseconds(backoff, failures, random))
    },
    forget: key => void failuresOf.delete(key),
    failures: key => failuresOf.get(key) ?? 0,
    running: () => [...startedAt.values()],
    shutDown() {
      state = 'shut-down'
      waiting.clear()
      again.clear()
      failuresOf.clear()
      for (const cancel of delayed.values()) cancel()
      delayed.clear()
      metrics?.depth(0)
      if (startedAt.size === 0) ended.resolve()
      return ended.promise
    },
  }
}

/** As client-go begins, but with chance, and five minutes at most: what is wrong is mended by people meanwhile. */
const defaultBackoff: BackoffPolicy = { firstMilliseconds: 5, factor: 2, longestMilliseconds: 240_000, jitter: 0.25 }
