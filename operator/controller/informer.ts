/** A copy of a part of the cluster that keeps itself fresh: list, then watch, and over again whatever happens. */
import type { Logger } from 'pino'
import type { Cluster, Selection } from '../kubernetes/cluster.ts'
import { type KubernetesObject, keyOf, type ResourceKind } from '../kubernetes/object.ts'
import { isOlder } from '../kubernetes/resource-version.ts'
import type { WatchEvent } from '../kubernetes/watch-events.ts'
import { abortable } from '../time/abortable.ts'
import type { Clock } from '../time/clock.ts'
import { type ReflectorMetrics, reflect } from './reflector.ts'
import { createStore, type Indexer } from './store.ts'

/** What is different now, for finding out which keys it concerns. Reconciling looks at the cluster, not at this. */
export type Change = {
  /** `namespace/name`, or `name` without a namespace. */
  readonly key: string
  /** Undefined if it is new. */
  readonly before: KubernetesObject | undefined
  /** Undefined if it is gone. */
  readonly after: KubernetesObject | undefined
}

export interface Informer {
  readonly kind: ResourceKind
  /** Begins to list and watch. Once: later calls do nothing. */
  start(): void
  /** Ends everything, and resolves when nothing runs any more. It can't be started again. */
  stop(): Promise<void>
  /** Resolves with the first complete list; rejects if aborted or stopped before. */
  synced(signal?: AbortSignal): Promise<void>
  hasSynced(): boolean
  /** Calls back for every object that is there, then for each change. Returns what ends it. */
  subscribe(handler: (change: Change) => void): () => void
  get(key: string): KubernetesObject | undefined
  /** All, or those of one namespace. Never change what you are given. */
  list(namespace?: string): KubernetesObject[]
  /** Throws if there is no such index. */
  byIndex(index: string, value: string): KubernetesObject[]
}

export type InformerOptions = {
  readonly cluster: Pick<Cluster, 'list' | 'watch'>
  readonly kind: ResourceKind
  readonly selection?: Selection
  /** More ways to look objects up, beside key and namespace. */
  readonly indexers?: Readonly<Record<string, Indexer>>
  /** What is kept of an object; managed fields are dropped before. Must keep the metadata's names and versions. */
  readonly transform?: (object: KubernetesObject) => KubernetesObject
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly logger: Logger
  readonly metrics?: ReflectorMetrics
}

/** An object of which one of several informers, each of another namespace, may have a copy. */
export function findIn(informers: readonly Informer[], key: string): KubernetesObject | undefined {
  for (const informer of informers) {
    const object = informer.get(key)
    if (object !== undefined) return object
  }
  return undefined
}

export function createInformer(options: InformerOptions): Informer {
  const { kind, selection = {}, indexers = {}, transform = object => object, logger } = options
  const store = createStore(indexers)
  const handlers = new Set<(change: Change) => void>()
  /** Versions at which objects were deleted since the last list, against events that come late. */
  const deletedAt = new Map<string, string | undefined>()
  const stopping = new AbortController()
  const firstList = Promise.withResolvers<void>()
  // Nobody has to wait for it.
  firstList.promise.catch(() => undefined)
  let running: Promise<void> | undefined
  let hasSynced = false

  function tell(handler: (change: Change) => void, change: Change): void {
    try {
      handler(change)
    } catch (error) {
      logger.error({ err: error, resource: kind.plural, key: change.key }, 'a handler of changes failed')
    }
  }

  function emit(key: string, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void {
    for (const handler of handlers) tell(handler, { key, before, after })
  }

  function put(object: KubernetesObject): void {
    const key = keyOf(object.metadata)
    const before = store.get(key)
    const after = transform(withoutManagedFields(object))
    store.set(after)
    emit(key, before, after)
  }

  function remove(key: string): void {
    const before = store.get(key)
    if (before === undefined) return
    store.delete(key)
    emit(key, before, undefined)
  }

  function onList(items: readonly KubernetesObject[]): void {
    deletedAt.clear()
    const listed = new Set(items.map(({ metadata }) => keyOf(metadata)))
    for (const key of [...store.keys()]) if (!listed.has(key)) remove(key)
    for (const item of items) if (!isSame(item, store.get(keyOf(item.metadata)))) put(item)
    hasSynced = true
    firstList.resolve()
  }

  function onEvent(event: WatchEvent): void {
    if (event.type === 'bookmark') return
    const { object } = event
    const { resourceVersion } = object.metadata
    const key = keyOf(object.metadata)
    const known = store.get(key)
    if (isOlder(resourceVersion, known?.metadata.resourceVersion ?? deletedAt.get(key))) return
    if (event.type === 'deleted') {
      noteDeletion(key, resourceVersion)
      remove(key)
      return
    }
    if (deletedAt.has(key) && deletedAt.get(key) === resourceVersion) return
    deletedAt.delete(key)
    if (!isSame(object, known)) put(object)
  }

  function noteDeletion(key: string, resourceVersion: string | undefined): void {
    deletedAt.delete(key)
    deletedAt.set(key, resourceVersion)
    const [oldest] = deletedAt.keys()
    if (deletedAt.size > mostDeletions && oldest !== undefined) deletedAt.delete(oldest)
  }

  return {
    kind,
    start() {
      if (stopping.signal.aborted) return
      running ??= reflect({ ...options, selection, onList, onEvent }, stopping.signal)
    },
    async stop() {
      stopping.abort(new Error(`the informer of ${kind.plural} was stopped`))
      firstList.reject(stopping.signal.reason)
      handlers.clear()
      await running
    },
    synced: signal => abortable(firstList.promise, signal),
    hasSynced: () => hasSynced,
    subscribe(handler) {
      // A function of its own, so that one handler may be subscribed twice.
      const own = (change: Change) => handler(change)
      for (const after of store.list()) tell(own, { key: keyOf(after.metadata), before: undefined, after })
      handlers.add(own)
      return () => void handlers.delete(own)
    },
    get: key => store.get(key),
    list: namespace => store.list(namespace),
    byIndex: (index, value) => store.byIndex(index, value),
  }
}

// An event can only come late by as much as a connection holds.
const mostDeletions = 1000

function isSame(object: KubernetesObject, known: KubernetesObject | undefined): boolean {
  const { uid, resourceVersion } = object.metadata
  return (
    known?.metadata.uid === uid && resourceVersion !== undefined && known?.metadata.resourceVersion === resourceVersion
  )
}

/** They are a third of an object, and nobody reads them. */
function withoutManagedFields(object: KubernetesObject): KubernetesObject {
  if (object.metadata.managedFields === undefined) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}
