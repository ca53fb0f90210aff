/** The seam to the API server for the rest of the operator: plain JSON in, plain JSON out. */
import type { Clock } from '../time/clock.ts'
import { hasReason, isExpired, TransportError } from './api-error.ts'
import { createDiscovery } from './discovery.ts'
import {
  apiVersionOf,
  type KubernetesObject,
  type Manifest,
  type ObjectName,
  pathOf,
  type ResourceKind,
} from './object.ts'
import type { ApiRequest, CallOptions, Transport } from './transport.ts'
import { parseObject, parseWatchEvents, type WatchEvent } from './watch-events.ts'

export type ApplyOptions = CallOptions & {
  /** Whose fields these are: one stable name a program, another for status. */
  readonly fieldManager: string
  /** Takes fields over from other managers instead of a conflict (409). */
  readonly force: boolean
  /** Validates and answers as ever, but changes nothing. */
  readonly dryRun?: boolean
}

export type PatchOptions = CallOptions & {
  /** Whose fields these are; unless told, what the user agent begins with. */
  readonly fieldManager?: string
}

export type Selection = {
  /** All namespaces if undefined. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Objects with nothing but metadata: for Secrets of which only a change matters. */
  readonly metadataOnly?: boolean | undefined
}

export type ListResult = { readonly items: readonly KubernetesObject[]; readonly resourceVersion: string }

export type DeleteOptions = CallOptions & {
  /** Deletes this very object, and no other that got its name since. */
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan'
}

export type WatchOptions = Selection & {
  readonly resourceVersion: string
  /** How long the server lets it run. */
  readonly timeoutSeconds: number
  /** Without a byte for so long, the connection counts as dead. */
  readonly inactivitySeconds: number
  readonly signal: AbortSignal
}

export interface Cluster {
  /** Server-side apply: creates the object, or makes the fields in it what they are here. Returns what is there then. */
  apply(object: Manifest, options: ApplyOptions): Promise<KubernetesObject>
  /** The same for the status subresource. The object must exist. */
  applyStatus(object: Manifest, options: ApplyOptions): Promise<KubernetesObject>
  /** Undefined if there is none. */
  get(kind: ResourceKind, name: ObjectName, options?: CallOptions): Promise<KubernetesObject | undefined>
  /** All of them, read in pages of 500, as of one moment. */
  list(kind: ResourceKind, options?: Selection & CallOptions): Promise<ListResult>
  /** The changes since a list; ends when the server ends it. Rejects at 410 (`Expired`), a cut or silence. */
  watch(kind: ResourceKind, options: WatchOptions): AsyncIterable<WatchEvent>
  create(object: Manifest, options?: CallOptions): Promise<KubernetesObject>
  /** Whole object instead of the old; 409 if its resourceVersion is not the newest. */
  replace(object: Manifest, options?: CallOptions): Promise<KubernetesObject>
  /** JSON merge patch (RFC 7386), as for an annotation on a pod. Undefined if there is no such object. */
  patchMerge(
    kind: ResourceKind,
    name: ObjectName,
    patch: Readonly<Record<string, unknown>>,
    options?: PatchOptions,
  ): Promise<KubernetesObject | undefined>
  /** False if there was nothing to delete. A precondition that fails is a 409. */
  delete(kind: ResourceKind, name: ObjectName, options?: DeleteOptions): Promise<boolean>
  /** Whether the API server knows the kind (now; the answer is kept for some seconds). */
  isServed(kind: ResourceKind, options?: CallOptions): Promise<boolean>
}

export type ClusterOptions = {
  readonly transport: Transport
  readonly clock: Clock
  /** What may be applied, created and replaced: where an object goes is found by its apiVersion and kind. */
  readonly kinds: Iterable<ResourceKind>
  /** Called before each attempt to write; what it throws (not the leader any more, say) is thrown instead of writing. */
  readonly beforeWrite?: () => void
}

export function createCluster({ transport, clock, kinds, beforeWrite }: ClusterOptions): Cluster {
  const kindsByName = new Map([...kinds].map(kind => [`${apiVersionOf(kind)} ${kind.kind}`, kind]))
  const isServed = createDiscovery(transport, clock)

  function kindOf({ apiVersion, kind }: Manifest): ResourceKind {
    const found = kindsByName.get(`${apiVersion} ${kind}`)
    if (found === undefined) throw new Error(`no such kind here: ${apiVersion} ${kind}`)
    return found
  }

  function call(request: Omit<ApiRequest, 'deadlineSeconds' | 'retry' | 'signal'>, options: CallOptions = {}) {
    const { signal, deadlineSeconds = defaultDeadlineSeconds, retry = true } = options
    return transport.request({ ...request, signal, deadlineSeconds, retry })
  }

  async function write(
    request: Omit<ApiRequest, 'deadlineSeconds' | 'retry' | 'signal'>,
    kind: ResourceKind,
    options: CallOptions | undefined,
  ): Promise<KubernetesObject> {
    return parseObject(await call({ ...request, beforeAttempt: beforeWrite }, options), kind)
  }

  function patchApply(object: Manifest, options: ApplyOptions, subresource?: 'status'): Promise<KubernetesObject> {
    const { fieldManager, force, dryRun } = options
    const kind = kindOf(object)
    const path = pathOf(kind, object.metadata, subresource)
    const query = { fieldManager, force, dryRun: dryRun === true ? 'All' : undefined }
    return write({ method: 'PATCH', path, query, body: object, contentType: applyPatch }, kind, options)
  }

  return {
    async apply(object, options) {
      return patchApply(object, options)
    },

    async applyStatus(object, options) {
      return patchApply(object, options, 'status')
    },

    async get(kind, name, options) {
      const answer = await absentIfNotFound(call({ method: 'GET', path: pathOf(kind, name) }, options))
      return answer === undefined ? undefined : parseObject(answer, kind)
    },

    async list(kind, options = {}) {
      const request = {
        method: 'GET' as const,
        path: pathOf(kind, { namespace: options.namespace }),
        accept: options.metadataOnly === true ? acceptMetadataList : acceptJson,
      }
      const selection = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector }
      const paged = { deadlineSeconds: listDeadlineSeconds, ...options }
      const items: KubernetesObject[] = []
      let position: { readonly limit?: number; readonly continue?: string } = { limit: pageSize }
      for (;;) {
        let page: Page
        try {
          page = parsePage(await call({ ...request, query: { ...selection, ...position } }, paged), kind)
        } catch (error) {
          // The pages are of one moment, which the server has forgotten meanwhile: all at once, then.
          if (position.continue === undefined || !isExpired(error)) throw error
          items.length = 0
          position = {}
          continue
        }
        for (const item of page.items) items.push(item)
        if (page.continue === '') return { items, resourceVersion: page.resourceVersion }
        position = { limit: pageSize, continue: page.continue }
      }
    },

    async *watch(kind, options) {
      const { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, inactivitySeconds, signal } = options
      const body = transport.stream({
        path: pathOf(kind, { namespace: options.namespace }),
        query: {
          watch: true,
          allowWatchBookmarks: true,
          labelSelector,
          fieldSelector,
          resourceVersion,
          timeoutSeconds,
        },
        accept: options.metadataOnly === true ? acceptMetadata : acceptJson,
        inactivitySeconds,
        signal,
      })
      yield* parseWatchEvents(body, kind)
    },

    async create(object, options) {
      const kind = kindOf(object)
      const path = pathOf(kind, { namespace: object.metadata.namespace })
      return write({ method: 'POST', path, body: object }, kind, options)
    },

    async replace(object, options) {
      const kind = kindOf(object)
      return write({ method: 'PUT', path: pathOf(kind, object.metadata), body: object }, kind, options)
    },

    async patchMerge(kind, name, patch, options) {
      const query = { fieldManager: options?.fieldManager }
      const request = {
        method: 'PATCH' as const,
        path: pathOf(kind, name),
        query,
        body: patch,
        contentType: mergePatch,
      }
      return absentIfNotFound(write(request, kind, options))
    },

    async delete(kind, name, options = {}) {
      const { uid, resourceVersion, propagation } = options
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid, resourceVersion },
        propagationPolicy: propagation,
      }
      const request = { method: 'DELETE' as const, path: pathOf(kind, name), body, beforeAttempt: beforeWrite }
      return (await absentIfNotFound(call(request, options).then(() => true))) ?? false
    },

    isServed,
  }
}

const defaultDeadlineSeconds = 30
const listDeadlineSeconds = 60
const pageSize = 500
// JSON is YAML, and this type is the one that every version takes.
const applyPatch = 'application/apply-patch+yaml'
const mergePatch = 'application/merge-patch+json'
const acceptJson = 'application/json'
const acceptMetadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const acceptMetadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

async function absentIfNotFound<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

type Page = { readonly items: KubernetesObject[]; readonly continue: string; readonly resourceVersion: string }

function parsePage(answer: unknown, kind: ResourceKind): Page {
  const page = (answer ?? {}) as {
    readonly items?: unknown
    readonly metadata?: { readonly continue?: unknown; readonly resourceVersion?: unknown }
  }
  const { items, metadata } = page
  if (!(Array.isArray(items) || items === null) || typeof metadata?.resourceVersion !== 'string') {
    throw new TransportError('malformed', `what should be a list of ${kind.plural} is none`)
  }
  return {
    items: (items ?? []).map(item => parseObject(item, kind)),
    continue: typeof metadata.continue === 'string' ? metadata.continue : '',
    resourceVersion: metadata.resourceVersion,
  }
}
