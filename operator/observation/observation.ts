/** All that a decision about one FtpServer needs, as it was at one moment. */
import type { FtpServer } from '../api/ftp-server.ts'
import type { ServedKinds } from '../desired/blueprint.ts'
import type { Half } from '../desired/ports.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import type { ProbeState } from '../passive-probe/probes.ts'
import type { DataSource } from './data-source.ts'
import type { ObservedUser } from './observed-user.ts'
import type { SeenSnapshots } from './snapshot.ts'

export type Observation = {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly server: FtpServer
  readonly operator: OperatorFacts
  /** Whether the cluster knows these kinds. */
  readonly served: ServedKinds
  /** The Secrets and ConfigMaps that `referencesOf(server)` names or selects, as far as there are any. */
  readonly sources: readonly Source[]
  /** The FtpUsers that name this server. */
  readonly users: readonly ObservedUser[]
  /** Objects of the kinds that the operator makes: those this server owns, and those whose names it wants, whoever's they are. */
  readonly live: readonly KubernetesObject[]
  /** Services of other servers, with which this one may share an address. */
  readonly otherServices: readonly KubernetesObject[]
  /** The claim that pods mount, whoever's it is. */
  readonly claim: KubernetesObject | undefined
  /** What the claim is filled with, while it is not bound; undefined where that is nothing, or not known. */
  readonly dataSource: DataSource | undefined
  /** Undefined where none are wanted. */
  readonly snapshots: SeenSnapshots | undefined
  /** All pods of the server, those that are terminating too. */
  readonly pods: readonly ObservedPod[]
  /** Addresses of the nodes that the pods are on, by name of the node. */
  readonly nodes: ReadonlyMap<string, readonly NodeAddress[]>
  /** Whether host names of load balancers can be resolved; a name that is missing here has not been tried. */
  readonly resolvedNames: ReadonlyMap<string, boolean>
  /** What is known of the way in; undefined where nobody tries it. */
  readonly probe: ProbeState | undefined
  /** Whose load balancers the cluster has, by its nodes; undefined where that is not known, or does not matter. */
  readonly provider: string | undefined
}

/** Of a server that nothing is there for yet. */
export const nothingThere: Omit<Observation, 'now' | 'server' | 'operator' | 'served' | 'sources' | 'users'> = {
  live: [],
  otherServices: [],
  claim: undefined,
  dataSource: undefined,
  snapshots: undefined,
  pods: [],
  nodes: new Map(),
  resolvedNames: new Map(),
  probe: undefined,
  provider: undefined,
}

export type OperatorFacts = {
  /** Image of servers that name none. */
  readonly defaultImage: string
  /** Where the operator runs; undefined if that is not in the cluster. */
  readonly namespace: string | undefined
  /** Such as `cluster.local`. */
  readonly clusterDomain: string
  /** Networks that clients within the cluster come from, as far as they are known: those of the pods. */
  readonly clusterNetworks: readonly string[]
}

/** A Secret or ConfigMap that somebody else made, or the Secret with the certificate. */
export type Source = {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly data: ReadonlyMap<string, Uint8Array>
}

export type NodeAddress = { readonly type: string; readonly address: string }

export type ObservedPod = {
  readonly name: string
  readonly uid: string
  readonly replica: number
  readonly half: Half
  readonly node: string | undefined
  readonly address: string | undefined
  /** Milliseconds since the epoch. */
  readonly created: number
  readonly ready: boolean
  /** Milliseconds since the epoch, to the second; undefined if it is not ready, or that is not told. */
  readonly readySince: number | undefined
  readonly terminating: boolean
  /** It ended, well or not, and runs no more. */
  readonly ended: boolean
  /** Why its container does not run, or why it is on no node. */
  readonly trouble: { readonly reason: string; readonly message: string } | undefined
  /** Value of the annotation that makes the kubelet look for new files. */
  readonly stamp: string | undefined
  /** Undefined if it did not answer. */
  readonly report: ServerReport | undefined
}

/** What a server says at `/status`, as far as it matters here. */
export type ServerReport = {
  readonly hash: string
  readonly accepted: number
  readonly rejectedCount: number
  readonly rejected: readonly ReportedProblem[]
  /** Problems other than those of single users. */
  readonly problemCount: number
  readonly problems: readonly ReportedProblem[]
  readonly certificate: { readonly expires: string; readonly fingerprint: string } | undefined
  readonly removedHomes: readonly ReportedHome[]
}

/** An order to remove a home, as the server has it. */
export type ReportedHome = {
  readonly id: string
  /** `waiting`, `removing`, `removed`, `refused` or `failed`. */
  readonly state: string
  readonly message: string
}

export type ReportedProblem = {
  readonly file: string
  readonly path: string
  readonly message: string
  readonly user: string | undefined
}
