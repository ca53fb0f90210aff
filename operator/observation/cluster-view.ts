/** What the operator keeps a copy of: the resources, what was made for them, and the metadata of what they may refer to. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { type FtpServer, resourceKind } from '../api/ftp-server.ts'
import { ftpUserResourceKind } from '../api/ftp-user.ts'
import { createReader } from '../api/read.ts'
import type { Source } from '../controller/controller.ts'
import { type Change, createInformer, findIn, type Informer } from '../controller/informer.ts'
import type { Indexer } from '../controller/store.ts'
import { applicationName, labelKeys, managedBy } from '../desired/names.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { type KubernetesObject, keyOf, type ResourceKind } from '../kubernetes/object.ts'
import { at, textAt } from '../kubernetes/read.ts'
import type { OperatorMetrics } from '../telemetry/metrics.ts'
import type { Clock } from '../time/clock.ts'
import { type References, referencesOf, refersTo } from './references.ts'
import { namedServers, UserView, userIndexers, userOfSecret } from './user-view.ts'

/** Kinds that are made for servers and watched, so that what others change is mended. Kinds that a cluster may lack are not among them. */
export const ownedKinds = [
  kinds.configMap,
  kinds.deployment,
  kinds.networkPolicy,
  kinds.persistentVolumeClaim,
  kinds.podDisruptionBudget,
  kinds.secret,
  kinds.service,
  kinds.serviceAccount,
] as const satisfies readonly ResourceKind[]

export type ClusterViewOptions = {
  readonly cluster: Pick<Cluster, 'list' | 'watch'>
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: OperatorMetrics
}

/** A Secret or ConfigMap without its content. */
export type SourceMetadata = {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly uid: string
  readonly resourceVersion: string
}

export type ReadServer =
  | { readonly server: FtpServer }
  | { readonly errors: readonly string[]; readonly object: KubernetesObject }

export class ClusterView {
  readonly #options: ClusterViewOptions
  readonly #servers: readonly Informer[]
  readonly #pods: readonly Informer[]
  readonly #owned: readonly Informer[]
  /** Of those. */
  readonly #services: readonly Informer[]
  readonly #secrets: readonly Informer[]
  /** Secrets and ConfigMaps. */
  readonly #references: readonly Informer[]
  readonly #userResources: readonly Informer[]
  readonly #namespaces: readonly Informer[] | undefined
  readonly users: UserView
  readonly #read = createReader()
  /** By the object that the informer holds. */
  readonly #parsed = new WeakMap<
    KubernetesObject,
    { readonly result: ReadServer; readonly references: References | undefined }
  >()

  constructor(options: ClusterViewOptions) {
    this.#options = options
    const labelSelector = `${labelKeys.managedBy}=${managedBy},${labelKeys.name}=${applicationName}`
    this.#servers = this.#informers(resourceKind)
    this.#pods = this.#informers(kinds.pod, { labelSelector: `${labelKeys.name}=${applicationName}` })
    this.#services = this.#informers(kinds.service, { labelSelector })
    const others = ownedKinds.filter(kind => kind !== kinds.service)
    this.#owned = [...this.#services, ...others.flatMap(kind => this.#informers(kind, { labelSelector }))]
    this.#secrets = this.#informers(kinds.secret, { metadataOnly: true })
    this.#references = [...this.#secrets, ...this.#informers(kinds.configMap, { metadataOnly: true })]
    this.#userResources = this.#informers(ftpUserResourceKind, {}, userIndexers)
    // Whoever looks after some namespaces only may not read any.
    const isEverywhere = options.namespaces === undefined
    this.#namespaces = isEverywhere ? this.#informers(kinds.namespace, { metadataOnly: true }) : undefined
    this.users = new UserView({
      users: this.#userResources,
      secrets: this.#secrets,
      namespaces: this.#namespaces,
    })
  }

  start(): void {
    for (const informer of this.#all) informer.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map(informer => informer.stop()))
  }

  get hasSynced(): boolean {
    return this.#all.every(informer => informer.hasSynced())
  }

  /** Which servers are concerned by which changes. */
  get sources(): readonly Source[] {
    return [
      ...this.#servers.map(informer => ({ informer, keys: ({ key }: Change) => [key] })),
      ...[...this.#pods, ...this.#owned].map(informer => ({ informer, keys: ownerKeys })),
      ...this.#references.map(informer => ({ informer, keys: (change: Change) => this.#referringKeys(change) })),
      ...this.#secrets.map(informer => ({ informer, keys: ({ key }: Change) => this.users.serversNeeding(key) })),
      ...this.#userResources.map(informer => ({ informer, keys: namedServers })),
      ...(this.#namespaces ?? []).map(informer => ({
        informer,
        keys: (change: Change) => (areSameLabels(change) ? [] : this.users.serversNamedIn(change.key)),
      })),
    ]
  }

  /** Which FtpUsers are concerned by which changes, beside what their servers decide. */
  get userSources(): readonly Source[] {
    return [
      ...this.#userResources.map(informer => ({ informer, keys: ({ key }: Change) => [key] })),
      ...this.#secrets.map(informer => ({ informer, keys: userOfSecret })),
      ...this.#servers.map(informer => ({
        informer,
        keys: (change: Change) => (isSameToUsers(change) ? [] : this.users.keysNaming(change.key)),
      })),
    ]
  }

  /** Undefined if there is no such resource. */
  server(key: string): ReadServer | undefined {
    const object = findIn(this.#servers, key)
    return object && this.#parse(object).result
  }

  /** What was made for a server, as far as it is watched. */
  liveOf({ metadata }: FtpServer): readonly KubernetesObject[] {
    return this.#instanceObjects(this.#owned, metadata)
  }

  /** Services of load balancers that were made for other servers, in all namespaces that are watched. */
  servicesOfOthers({ metadata }: FtpServer): readonly KubernetesObject[] {
    return this.#services
      .flatMap(informer => informer.list())
      .filter(service => textAt(service, 'spec', 'type') === 'LoadBalancer')
      .filter(service => keyOf(service.metadata) !== keyOf(metadata))
  }

  /** Pods of a server, those that are terminating too. */
  podsOf({ metadata }: FtpServer): readonly KubernetesObject[] {
    return this.#instanceObjects(this.#pods, metadata)
  }

  /** The Secrets and ConfigMaps that a server refers to, as far as there are any. */
  referencedBy(server: FtpServer): readonly SourceMetadata[] {
    const references = referencesOf(server)
    return this.#references
      .flatMap(informer => informer.list(server.metadata.namespace))
      .map(sourceMetadata)
      .filter(source => refersTo(references, source))
  }

  get #all(): readonly Informer[] {
    return [
      ...this.#servers,
      ...this.#pods,
      ...this.#owned,
      ...this.#references,
      ...this.#userResources,
      ...(this.#namespaces ?? []),
    ]
  }

  #informers(
    kind: ResourceKind,
    selection: { readonly labelSelector?: string; readonly metadataOnly?: boolean } = {},
    indexers: Readonly<Record<string, Indexer>> = { instance: instanceKeys },
  ): readonly Informer[] {
    const { cluster, namespaces, clock, random, logger, metrics } = this.#options
    const reflector = metrics.reflector(kind.plural)
    return (namespaces ?? [undefined]).map(namespace =>
      createInformer({
        cluster,
        kind,
        selection: { ...selection, namespace },
        indexers,
        clock,
        random,
        logger,
        metrics: reflector,
      }),
    )
  }

  #instanceObjects(informers: readonly Informer[], metadata: FtpServer['metadata']): readonly KubernetesObject[] {
    return informers.flatMap(informer => informer.byIndex('instance', keyOf(metadata)))
  }

  #referringKeys({ before, after }: Change): string[] {
    const states = [before, after].filter(object => object !== undefined).map(sourceMetadata)
    const namespace = (after ?? before)?.metadata.namespace
    return this.#servers
      .flatMap(informer => informer.list(namespace))
      .filter(object => {
        const { references } = this.#parse(object)
        return references !== undefined && states.some(state => refersTo(references, state))
      })
      .map(({ metadata }) => keyOf(metadata))
  }

  #parse(object: KubernetesObject) {
    const known = this.#parsed.get(object)
    if (known !== undefined) return known
    const read = this.#read(object)
    const parsed = read.valid
      ? { result: { server: read.value }, references: referencesOf(read.value) }
      : { result: { errors: read.errors, object }, references: undefined }
    this.#parsed.set(object, parsed)
    return parsed
  }
}

/** What FtpUsers go by: whether the server is there, whom it lets in, and where clients find it. */
function isSameToUsers({ before, after }: Change): boolean {
  const [one, other] = [before, after].map(object =>
    JSON.stringify([object?.metadata.uid, at(object, 'spec', 'allowedUsers'), at(object, 'status', 'endpoints')]),
  )
  return one === other
}

function areSameLabels({ before, after }: Change): boolean {
  return isDeepStrictEqual(before?.metadata.labels, after?.metadata.labels)
}

/** The server that an object was made for, by its label: a deleted object has no other trace, and a label may be altered. */
function ownerKeys({ before, after }: Change): string[] {
  return [...new Set([before, after].flatMap(object => (object === undefined ? [] : instanceKeys(object))))]
}

function instanceKeys({ metadata }: KubernetesObject): string[] {
  const name = metadata.labels?.[labelKeys.instance]
  return name === undefined ? [] : [keyOf({ name, namespace: metadata.namespace })]
}

/** The kind is that of a Secret where none is told. */
export function sourceMetadata({ kind, metadata }: KubernetesObject): SourceMetadata {
  const { name, labels = {}, uid = '', resourceVersion = '' } = metadata
  return { kind: kind === 'ConfigMap' ? 'ConfigMap' : 'Secret', name, labels, uid, resourceVersion }
}
