/** Events for people (events.k8s.io/v1): what happened to an object, once, with a count of how often. */
import type { Logger } from 'pino'
import type { Clock } from '../time/clock.ts'
import { hasReason } from './api-error.ts'
import type { Cluster } from './cluster.ts'
import { kinds } from './kinds.ts'
import { type KubernetesObject, keyOf, type ObjectName } from './object.ts'
import { microTime } from './time.ts'

export type EventText = {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, for machines: why. */
  readonly reason: string
  /** CamelCase, for machines: what was done or tried. */
  readonly action: string
  /** For people. Never a value of a Secret. */
  readonly note: string
  /** A second object that it is about. */
  readonly related?: EventObject
}

export type EventObject = Pick<KubernetesObject, 'apiVersion' | 'kind' | 'metadata'>

export interface EventRecorder {
  /** Returns at once and never throws. Repetitions of the same text are counted in one event. */
  record(regarding: EventObject, text: EventText): void
  /** Sends what waits, as far as that goes in a few seconds. */
  close(): Promise<void>
}

export type EventRecorderOptions = {
  readonly cluster: Pick<Cluster, 'create' | 'patchMerge'>
  /** Who reports, as `ftp-operator.io/controller`. */
  readonly controller: string
  /** Which of them, as the pod's name. */
  readonly instance: string
  readonly clock: Clock
  readonly logger: Logger
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { cluster, controller, instance, clock, logger } = options
  /** In the order of the last occurrence. */
  const series = new Map<string, Series>()
  const budgets = new Map<string, Budget>()
  const waiting = new Set<Series>()
  const stopping = new AbortController()
  let sending: Promise<void> | undefined
  let dropped = 0

  function record(regarding: EventObject, text: EventText): void {
    if (stopping.signal.aborted) return
    const now = clock.wallMilliseconds()
    const key = JSON.stringify([keyOfObject(regarding), text.type, text.reason, text.action, text.note])
    const known = series.get(key)
    series.delete(key)
    const isRepeated = known !== undefined && now - known.lastMilliseconds < seriesMilliseconds
    if (!isRepeated && !spend(keyOfObject(regarding))) return drop(text)
    const entry = isRepeated ? known : newSeries(regarding, text, now)
    entry.count += 1
    entry.lastMilliseconds = now
    series.set(key, entry)
    if (series.size > mostSeries) forgetOldest(series)
    schedule(entry)
  }

  function newSeries(regarding: EventObject, text: EventText, now: number): Series {
    return {
      regarding,
      text,
      firstMilliseconds: now,
      lastMilliseconds: now,
      count: 0,
      name: undefined,
      sentMilliseconds: 0,
    }
  }

  /** As the spam filter of client-go: at most 25 at once for an object, then one each 5 minutes. */
  function spend(key: string): boolean {
    const now = clock.milliseconds()
    const { tokens, sinceMilliseconds } = budgets.get(key) ?? { tokens: mostTokens, sinceMilliseconds: now }
    const left = Math.min(mostTokens, tokens + (now - sinceMilliseconds) / tokenMilliseconds) - 1
    if (left < 0) return false
    budgets.delete(key)
    budgets.set(key, { tokens: left, sinceMilliseconds: now })
    if (budgets.size > mostSeries) forgetOldest(budgets)
    return true
  }

  function drop(text: EventText): void {
    dropped += 1
    logger.debug({ reason: text.reason, dropped }, 'event dropped')
  }

  function schedule(entry: Series): void {
    // A count that was just written can wait: it is in the next write.
    if (entry.name !== undefined && clock.wallMilliseconds() - entry.sentMilliseconds < countMilliseconds) return
    if (waiting.size >= mostWaiting && !waiting.has(entry)) return drop(entry.text)
    waiting.add(entry)
    sending ??= sendAll().finally(() => {
      sending = undefined
    })
  }

  async function sendAll(): Promise<void> {
    // Whoever records several events in a row gets them counted before the first is sent.
    await Promise.resolve()
    for (const entry of waiting) {
      waiting.delete(entry)
      try {
        await send(entry)
      } catch (error) {
        logger.warn({ err: error, reason: entry.text.reason }, 'event not sent')
      }
    }
  }

  async function send(entry: Series): Promise<void> {
    const { count, lastMilliseconds, name } = entry
    entry.sentMilliseconds = clock.wallMilliseconds()
    const call = { deadlineSeconds: 10, signal: stopping.signal }
    if (name !== undefined) {
      const patch = { series: { count, lastObservedTime: microTime(lastMilliseconds) } }
      if ((await cluster.patchMerge(kinds.event, name, patch, call)) !== undefined) return
      // Events live for an hour: this one is gone, and its repetition is a new one.
      entry.name = undefined
      entry.count = 1
      entry.firstMilliseconds = lastMilliseconds
    }
    const event = manifestOf(entry, controller, instance)
    try {
      await cluster.create(event, call)
    } catch (error) {
      // An answer that was lost: the event is there.
      if (!hasReason(error, 'AlreadyExists')) throw error
    }
    entry.name = event.metadata
  }

  return {
    record,
    async close() {
      const cancel = clock.after(closeMilliseconds, () => stopping.abort(new Error('the recorder was closed')))
      await sending
      cancel()
      stopping.abort(new Error('the recorder was closed'))
    },
  }
}

type Series = {
  readonly regarding: EventObject
  readonly text: EventText
  firstMilliseconds: number
  lastMilliseconds: number
  count: number
  /** Undefined until it was sent. */
  name: ObjectName | undefined
  sentMilliseconds: number
}

type Budget = { readonly tokens: number; readonly sinceMilliseconds: number }

// client-go's recorder ends a series after 6 minutes without repetition.
const seriesMilliseconds = 6 * 60_000
const countMilliseconds = 30_000
const mostSeries = 2000
const mostWaiting = 500
const mostTokens = 25
const tokenMilliseconds = 5 * 60_000
const closeMilliseconds = 3000

// Limits of the API's validation (pkg/apis/core/validation/events.go).
const longestNoteBytes = 1024
const longestInstance = 128

function manifestOf(entry: Series, controller: string, instance: string) {
  const { regarding, text, firstMilliseconds, lastMilliseconds, count } = entry
  const { type, reason, action, note, related } = text
  // As client-go: the object's name and the time; a hash of the text tells events of one millisecond apart.
  const stamp = `${firstMilliseconds.toString(16)}${hash(note + reason)}`
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: {
      name: `${regarding.metadata.name.slice(0, 220)}.${stamp}`,
      namespace: regarding.metadata.namespace ?? 'default',
    },
    eventTime: microTime(firstMilliseconds),
    reportingController: controller,
    reportingInstance: instance.slice(0, longestInstance),
    type,
    reason,
    action,
    note: shortened(note),
    regarding: referenceTo(regarding),
    ...(related !== undefined && { related: referenceTo(related) }),
    ...(count > 1 && { series: { count, lastObservedTime: microTime(lastMilliseconds) } }),
  }
}

function referenceTo({ apiVersion, kind, metadata }: EventObject) {
  const { name, namespace, uid, resourceVersion } = metadata
  return { apiVersion, kind, name, namespace, uid, resourceVersion }
}

function keyOfObject({ kind, metadata }: EventObject): string {
  return `${kind} ${keyOf(metadata)} ${metadata.uid ?? ''}`
}

/** FNV-1a of 32 bits. */
function hash(text: string): string {
  let sum = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193) >>> 0
  }
  return sum.toString(16).padStart(8, '0')
}

function shortened(note: string): string {
  const bytes = Buffer.from(note)
  if (bytes.length <= longestNoteBytes) return note
  const kept = bytes
    .subarray(0, longestNoteBytes - 3)
    .toString('utf8')
    .replace(/\ufffd$/, '')
  return `${kept}…`
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
