/** A controller: informers fill a queue of names, workers reconcile them. It knows nothing of what it reconciles. */
import type { Logger } from 'pino'
import { hasReason } from '../kubernetes/api-error.ts'
import type { BackoffPolicy } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { limitTime } from '../time/time-limit.ts'
import type { Change, Informer } from './informer.ts'
import { createWorkQueue, type WorkQueue, type WorkQueueMetrics } from './work-queue.ts'

/** What is to happen next with a key. Nothing, unless told. */
export type ReconcileResult = { readonly requeueAfterSeconds?: number | undefined }

/** Makes the world as it should be for one name; is never told what happened. Errors are tried again with backoff. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>

/** An error that trying again can't cure: logged and counted, and the key rests until something changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

/** Which keys to reconcile when something changed: the object's own key, its owner's, whoever refers to it. */
export type Source = { readonly informer: Informer; readonly keys: (change: Change) => Iterable<string> }

export type ControllerOptions = {
  readonly name: string
  readonly reconcile: Reconcile
  /** Its informers are started and stopped by whoever made them: they may serve several controllers. */
  readonly sources: readonly Source[]
  /** How many keys are reconciled at a time. */
  readonly workers: number
  /** After so long, a reconcile's signal is aborted. 120 unless told. */
  readonly reconcileDeadlineSeconds?: number
  readonly backoff?: BackoffPolicy
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly logger: Logger
  readonly metrics?: ControllerMetrics
}

/** Told of everything as it happens; the names of the metrics are those of controller-runtime. */
export interface ControllerMetrics {
  readonly queue: WorkQueueMetrics
  started(): void
  finished(outcome: ReconcileOutcome, seconds: number): void
  /** Asked at each scrape for when the running ones were started, and the time now; both in milliseconds. */
  observe(running: () => { readonly started: readonly number[]; readonly now: number }): void
}

export type ReconcileOutcome = 'success' | 'requeue-after' | 'error' | 'terminal-error' | 'panic'

export interface Controller {
  /** Waits for all informers to have synced, then works. Once. Rejects if aborted before that. */
  start(signal?: AbortSignal): Promise<void>
  /** Takes nothing any more; running reconciles may end, and are aborted after the grace. Resolves when none runs. */
  stop(options: { readonly graceSeconds: number }): Promise<void>
  enqueue(key: string): void
}

export function createController(options: ControllerOptions): Controller {
  const { name, reconcile, sources, workers, clock, random, metrics } = options
  const { reconcileDeadlineSeconds = 120 } = options
  const logger = options.logger.child({ controller: name })
  const aborting = new AbortController()
  const unsubscribe: (() => void)[] = []
  const queue: WorkQueue = createWorkQueue({
    workers,
    work,
    clock,
    random,
    ...(options.backoff !== undefined && { backoff: options.backoff }),
    ...(metrics !== undefined && { metrics: metrics.queue }),
    onFault: (error, key) => logger.error({ err: error, key }, 'the controller itself failed'),
  })
  metrics?.observe(() => ({ started: queue.running(), now: clock.milliseconds() }))

  async function work(key: string): Promise<void> {
    const started = clock.milliseconds()
    metrics?.started()
    const outcome = await attempt(key)
    metrics?.finished(outcome, (clock.milliseconds() - started) / 1000)
  }

  async function attempt(key: string): Promise<ReconcileOutcome> {
    const limit = limitTime(
      clock,
      reconcileDeadlineSeconds,
      aborting.signal,
      () => new Error(`not reconciled within ${reconcileDeadlineSeconds} s`),
    )
    try {
      const { requeueAfterSeconds } = (await reconcile(key, limit.signal)) ?? {}
      queue.forget(key)
      if (requeueAfterSeconds === undefined) return 'success'
      queue.addAfter(key, requeueAfterSeconds * 1000)
      return 'requeue-after'
    } catch (error) {
      return fail(key, error)
    } finally {
      limit.end()
    }
  }

  function fail(key: string, error: unknown): ReconcileOutcome {
    if (aborting.signal.aborted) return 'error'
    if (error instanceof TerminalError) {
      queue.forget(key)
      logger.error({ err: error, key }, 'reconciling failed for good, until something changes')
      return 'terminal-error'
    }
    queue.addRateLimited(key)
    const failures = queue.failures(key)
    if (isDefect(error)) {
      logger.error({ err: error, key, failures }, 'reconciling met a defect')
      return 'panic'
    }
    // Somebody else wrote in between: nothing is wrong unless it goes on.
    const level = hasReason(error, 'Conflict', 'AlreadyExists') && failures < 3 ? 'info' : 'warn'
    logger[level]({ err: error, key, failures }, 'reconciling failed')
    return 'error'
  }

  return {
    async start(signal) {
      for (const { informer, keys } of sources) {
        unsubscribe.push(
          informer.subscribe(change => {
            for (const key of keys(change)) queue.add(key)
          }),
        )
      }
      await Promise.all(sources.map(({ informer }) => informer.synced(signal)))
      queue.start()
      logger.info({ workers }, 'controller started')
    },
    async stop({ graceSeconds }) {
      for (const end of unsubscribe.splice(0)) end()
      const ended = queue.shutDown()
      const abort = () => aborting.abort(new Error('the controller stops'))
      if (graceSeconds <= 0) abort()
      const cancel = clock.after(graceSeconds * 1000, abort)
      await ended
      cancel()
      logger.info('controller stopped')
    },
    enqueue: key => queue.add(key),
  }
}

/** An error of the program, not of the world. */
function isDefect(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  )
}
