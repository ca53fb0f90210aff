/** List, then watch from there, and never stop: what is behind an informer. */
import type { Logger } from 'pino'
import { ApiError, isExpired, TransportError } from '../kubernetes/api-error.ts'
import type { Cluster, Selection } from '../kubernetes/cluster.ts'
import type { KubernetesObject, ResourceKind } from '../kubernetes/object.ts'
import { newest } from '../kubernetes/resource-version.ts'
import type { WatchEvent } from '../kubernetes/watch-events.ts'
import { type BackoffPolicy, backoffMilliseconds } from '../time/backoff.ts'
import { type Clock, pause } from '../time/clock.ts'

export type ReflectorOptions = {
  readonly cluster: Pick<Cluster, 'list' | 'watch'>
  readonly kind: ResourceKind
  readonly selection: Selection
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly logger: Logger
  readonly metrics?: ReflectorMetrics | undefined
  /** All that there is, as of now. */
  readonly onList: (items: readonly KubernetesObject[]) => void
  readonly onEvent: (event: WatchEvent) => void
}

export interface ReflectorMetrics {
  listed(): void
  watched(): void
  failed(): void
}

/** Runs until the signal is aborted, and resolves then. It never rejects: each failure is logged and followed by another attempt. */
export async function reflect(options: ReflectorOptions, signal: AbortSignal): Promise<void> {
  const { cluster, kind, selection, clock, random, logger, metrics, onList, onEvent } = options
  /** How far we are; undefined if only a list can tell. */
  let position: string | undefined
  /** In a row, without a word of a watch between. */
  let failures = 0

  async function watch(from: string): Promise<void> {
    metrics?.watched()
    const started = clock.milliseconds()
    const events = cluster.watch(kind, {
      ...selection,
      resourceVersion: from,
      // client-go ends watches at random too, so that they spread over the replicas of the API server;
      // below the 5 minutes after which proxies like to cut.
      timeoutSeconds: Math.round(between(240, 295, random)),
      // The server sends a bookmark a minute or so: silence of more means that the connection is dead.
      inactivitySeconds: between(70, 90, random),
      signal,
    })
    let reached = from
    let isHeard = false
    try {
      for await (const event of events) {
        isHeard = true
        onEvent(event)
        reached = newest(reached, versionOf(event) ?? reached)
        position = reached
      }
    } finally {
      if (isHeard || clock.milliseconds() - started >= healthyMilliseconds) failures = 0
    }
    if (!isHeard && clock.milliseconds() - started < shortestMilliseconds) {
      throw new Error('the watch ended as soon as it began')
    }
  }

  while (!signal.aborted) {
    try {
      if (position === undefined) {
        const list = await cluster.list(kind, { ...selection, signal })
        metrics?.listed()
        onList(list.items)
        position = list.resourceVersion
        // The API server is well. Only the watch is not, perhaps: lists stand in for it, if not too often.
        failures = Math.min(failures, patientFailures - 1)
      }
      await watch(position)
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      metrics?.failed()
      if (!isResumable(error, failures)) position = undefined
      const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
      const delay = Math.max(backoffMilliseconds(policy, failures, random), Math.min(asked, policy.longestMilliseconds))
      const level = isExpired(error) || failures === 1 ? 'info' : 'warn'
      logger[level](
        { err: error, resource: kind.plural, failures, delayMilliseconds: Math.round(delay) },
        'watch failed',
      )
      await pause(clock, delay, signal).catch(() => undefined)
    }
  }
}

// client-go's reflector begins with 0.8 s and doubles it, too, but goes up to 30 s: there are more nodes than operators.
const policy: BackoffPolicy = { firstMilliseconds: 800, factor: 2, longestMilliseconds: 15_000, jitter: 1 }
/** So many failures in a row are taken for bad luck; then a list tells what a watch does not. */
const patientFailures = 3
const healthyMilliseconds = 5000
const shortestMilliseconds = 1000

/** A cut, or a server that is busy: the watch may go on where it was. All else a list clears up. */
function isResumable(error: unknown, failures: number): boolean {
  if (error instanceof ApiError) return error.status === 429
  if (!(error instanceof TransportError)) return false
  // A server that is not there has forgotten nothing, and lists for everybody are not what it needs when it is back.
  return error.kind === 'unsent' || (error.kind !== 'malformed' && failures < patientFailures)
}

function between(least: number, most: number, random: () => number): number {
  return least + (most - least) * random()
}

function versionOf(event: WatchEvent): string | undefined {
  return event.type === 'bookmark' ? event.resourceVersion : event.object.metadata.resourceVersion
}
