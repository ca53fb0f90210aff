/** Gathers all that a decision about a server needs: from the copies where there are any, from the cluster and the pods otherwise. */
import { lookup } from 'node:dns/promises'
import type { FtpServer } from '../api/ftp-server.ts'
import type { FtpUser } from '../api/ftp-user.ts'
import { labelKeys, nameOf } from '../desired/names.ts'
import { hasReason } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { type KubernetesObject, keyOf } from '../kubernetes/object.ts'
import { textAt } from '../kubernetes/read.ts'
import type { PassiveProbes } from '../passive-probe/probes.ts'
import { abortable } from '../time/abortable.ts'
import type { Clock } from '../time/clock.ts'
import { isAllowed } from './allowed-users.ts'
import { type ClusterView, type SourceMetadata, sourceMetadata } from './cluster-view.ts'
import { findLive, readClaim, readNodeAddresses, readPod, readService, readSource } from './live.ts'
import type { NodeAddress, Observation, ObservedPod, OperatorFacts, Source } from './observation.ts'
import type { KnownUser, ObservedUser } from './observed-user.ts'
import { fetchReport } from './pod-reports.ts'
import { needsProvider, providerOf } from './provider.ts'
import type { SnapshotSight } from './snapshot-sight.ts'
import { secretNamesOf } from './user-references.ts'

export type ObserverOptions = {
  readonly cluster: Pick<Cluster, 'get' | 'list' | 'isServed'>
  readonly view: ClusterView
  readonly snapshots: SnapshotSight
  readonly operator: OperatorFacts
  readonly clock: Clock
}

/** Most contents that are kept, over all servers. */
const maxContents = 20_000
/** Contents that are read at once: a server may have a thousand users with a Secret each. */
const readsAtOnce = 32
const nodesFreshMilliseconds = 30_000
/** A cluster does not move to another cloud. */
const providerFreshMilliseconds = 3600_000
const resolutionFreshMilliseconds = 30_000
const resolutionMilliseconds = 2000

/** What is known already, in this term of leadership. */
type Memory = {
  readonly probes?: Pick<PassiveProbes, 'stateOf'>
  readonly bindings?: { of(server: string, user: string): KnownUser | undefined }
}

type Kept<Value> = { readonly value: Value; readonly since: number }

export class Observer {
  readonly #options: ObserverOptions
  /** By kind, namespace and name; the least recently used first. */
  readonly #contents = new Map<string, { readonly version: string; readonly source: Source }>()
  readonly #resolved = new Map<string, Kept<boolean>>()
  #provider: Kept<string | undefined> | undefined
  #nodes: Kept<ReadonlyMap<string, readonly NodeAddress[]>> | undefined

  constructor(options: ObserverOptions) {
    this.#options = options
  }

  /** Rejects where the cluster does not answer; pods that don't answer are part of what is observed. */
  async observe(server: FtpServer, signal: AbortSignal, { probes, bindings }: Memory = {}): Promise<Observation> {
    const { cluster, view, snapshots, operator, clock } = this.#options
    const [certificate, podMonitor, prometheusRule] = await Promise.all(
      [kinds.certificate, kinds.podMonitor, kinds.prometheusRule].map(kind => cluster.isServed(kind, { signal })),
    )
    const served = {
      certificate: certificate === true,
      podMonitor: podMonitor === true,
      prometheusRule: prometheusRule === true,
    }
    const live = [...view.liveOf(server), ...(await this.#optionalLive(server, served, signal))]
    const [sources, users, claim, seenSnapshots, pods] = await Promise.all([
      Promise.all(view.referencedBy(server).map(source => this.#content(server.metadata.namespace, source, signal))),
      this.#users(server, signal, bindings),
      this.#claim(server, live, signal),
      snapshots.snapshotsOf(server, signal),
      Promise.all(view.podsOf(server).map(pod => this.#pod(pod, signal))),
    ])
    const service = findLive(live, 'Service', server.metadata.name)
    const isBound = claim !== undefined && readClaim(claim).phase === 'Bound'
    return {
      now: clock.wallMilliseconds(),
      server,
      operator,
      served,
      sources: sources.filter(source => source !== undefined),
      users,
      live,
      otherServices: server.spec.service.type === 'LoadBalancer' ? view.servicesOfOthers(server) : [],
      claim,
      dataSource: isBound ? undefined : await snapshots.dataSourceOf(server, signal),
      snapshots: seenSnapshots,
      pods: pods.filter(pod => pod !== undefined),
      nodes: needsNodes(server) ? await this.#nodeAddresses(signal) : new Map(),
      resolvedNames: service === undefined ? new Map() : await this.#resolve(service),
      probe: probes?.stateOf(server.metadata.uid),
      provider: needsProvider(server.spec) ? await this.#providerOfNodes(signal) : undefined,
    }
  }

  async #optionalLive(
    server: FtpServer,
    served: Observation['served'],
    signal: AbortSignal,
  ): Promise<readonly KubernetesObject[]> {
    const wanted = [
      ...(served.certificate ? [kinds.certificate] : []),
      ...(served.podMonitor ? [kinds.podMonitor] : []),
      ...(served.prometheusRule ? [kinds.prometheusRule] : []),
    ]
    const { name, namespace } = server.metadata
    const selection = { namespace, labelSelector: `${labelKeys.instance}=${name}`, signal }
    const lists = await Promise.all(wanted.map(kind => this.#options.cluster.list(kind, selection)))
    return lists.flatMap(({ items }) => items)
  }

  /** The FtpUsers that name the server; Secrets only of those whom it lets in. */
  async #users(server: FtpServer, signal: AbortSignal, bindings: Memory['bindings']): Promise<readonly ObservedUser[]> {
    const { users } = this.#options.view
    const serverKey = keyOf(server.metadata)
    const naming = users.usersNaming(serverKey)
    const observed: ObservedUser[] = []
    for (let start = 0; start < naming.length; start += readsAtOnce) {
      const some = naming.slice(start, start + readsAtOnce)
      observed.push(...(await Promise.all(some.map(user => this.#user(server, user, signal)))))
    }
    return observed.map(each => ({ ...each, known: bindings?.of(serverKey, keyOf(each.user.metadata)) }))
  }

  async #user(server: FtpServer, user: FtpUser, signal: AbortSignal): Promise<ObservedUser> {
    const { users } = this.#options.view
    const { namespace } = user.metadata
    const namespaceLabels = users.namespaceLabels(namespace)
    const names = isAllowed(server, user, namespaceLabels) ? secretNamesOf(user) : []
    const secrets = new Map<string, Source['data']>()
    for (const name of names) {
      const known = users.secret(namespace, name)
      const content = known && (await this.#content(namespace, sourceMetadata(known), signal))
      if (content !== undefined) secrets.set(name, content.data)
    }
    return { user, namespaceLabels, secrets }
  }

  /** Read anew only if it is another version than the last time. Undefined if it has gone meanwhile. */
  async #content(namespace: string, source: SourceMetadata, signal: AbortSignal): Promise<Source | undefined> {
    const key = `${source.kind} ${namespace}/${source.name}`
    const version = `${source.uid} ${source.resourceVersion}`
    const known = this.#contents.get(key)
    this.#contents.delete(key)
    if (known?.version === version) {
      this.#contents.set(key, known)
      return known.source
    }
    const kind = source.kind === 'Secret' ? kinds.secret : kinds.configMap
    const object = await this.#options.cluster.get(kind, { name: source.name, namespace }, { signal })
    const read = object && readSource(object)
    if (object === undefined || read === undefined) return undefined
    this.#contents.set(key, { version: `${object.metadata.uid} ${object.metadata.resourceVersion}`, source: read })
    const [oldest] = this.#contents.keys()
    if (this.#contents.size > maxContents && oldest !== undefined) this.#contents.delete(oldest)
    return read
  }

  async #claim(
    { metadata, spec }: FtpServer,
    live: readonly KubernetesObject[],
    signal: AbortSignal,
  ): Promise<KubernetesObject | undefined> {
    const { claim, existingClaimName } = spec.storage
    const name = existingClaimName ?? (claim === undefined ? undefined : nameOf.claim(metadata.name))
    if (name === undefined) return undefined
    const known = findLive(live, 'PersistentVolumeClaim', name)
    return (
      known ??
      this.#options.cluster.get(kinds.persistentVolumeClaim, { name, namespace: metadata.namespace }, { signal })
    )
  }

  async #pod(object: KubernetesObject, signal: AbortSignal): Promise<ObservedPod | undefined> {
    const address = textAt(object, 'status', 'podIP')
    const running = textAt(object, 'status', 'phase') === 'Running'
    return readPod(object, address === undefined || !running ? undefined : await fetchReport(address, signal))
  }

  /** Empty where the operator may not read nodes. */
  async #nodeAddresses(signal: AbortSignal): Promise<ReadonlyMap<string, readonly NodeAddress[]>> {
    const now = this.#options.clock.milliseconds()
    if (this.#nodes !== undefined && now - this.#nodes.since < nodesFreshMilliseconds) return this.#nodes.value
    try {
      const { items } = await this.#options.cluster.list(kinds.node, { signal })
      const value = new Map(items.map(node => [node.metadata.name, readNodeAddresses(node)]))
      this.#nodes = { value, since: now }
      return value
    } catch (error) {
      if (!hasReason(error, 'Forbidden')) throw error
      return new Map()
    }
  }

  /** Undefined where the operator may not read nodes, or they tell none. */
  async #providerOfNodes(signal: AbortSignal): Promise<string | undefined> {
    const now = this.#options.clock.milliseconds()
    if (this.#provider !== undefined && now - this.#provider.since < providerFreshMilliseconds)
      return this.#provider.value
    const value = await this.#options.cluster.list(kinds.node, { signal }).then(
      ({ items }) => items.map(node => providerOf(textAt(node, 'spec', 'providerID'))).find(each => each !== undefined),
      (error: unknown) => {
        if (!hasReason(error, 'Forbidden')) throw error
        return undefined
      },
    )
    this.#provider = { value, since: now }
    return value
  }

  async #resolve(service: KubernetesObject): Promise<ReadonlyMap<string, boolean>> {
    const names = readService(service).ingress.flatMap(({ hostname }) => hostname ?? [])
    const results = await Promise.all(names.map(async name => [name, await this.#resolves(name)] as const))
    return new Map(results)
  }

  async #resolves(name: string): Promise<boolean> {
    const now = this.#options.clock.milliseconds()
    const known = this.#resolved.get(name)
    if (known !== undefined && now - known.since < resolutionFreshMilliseconds) return known.value
    // A name server that is silent must not keep a worker from other servers.
    const value = await abortable(lookup(name), AbortSignal.timeout(resolutionMilliseconds)).then(
      () => true,
      () => false,
    )
    this.#resolved.delete(name)
    this.#resolved.set(name, { value, since: now })
    const [oldest] = this.#resolved.keys()
    if (this.#resolved.size > maxContents && oldest !== undefined) this.#resolved.delete(oldest)
    return value
  }
}

function needsNodes({ spec }: FtpServer): boolean {
  return spec.hostNetwork || spec.service.type === 'NodePort'
}
