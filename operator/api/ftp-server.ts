/** The resource FtpServer: what people write, and what the operator answers in status. */
import { type Static, Type } from 'typebox'
import { maxWorkers } from '../../server/config/schema/process.ts'
import { serverSchema } from '../../server/config/schema.ts'
import { allowedUsers } from './allowed-users.ts'
import { bans } from './bans.ts'
import { hostNetwork, listeners, passive, service, tls } from './connections.ts'
import { events } from './events.ts'
import { countOrAuto, record } from './fields.ts'
import { folders } from './folders.ts'
import { hosts } from './hosts.ts'
import { kubernetesStyle } from './kubernetes-style.ts'
import { language } from './language.ts'
import { type Condition, statusSchema } from './status.ts'
import { storage } from './storage.ts'
import { anonymous, users, usersFrom } from './users.ts'
import { workloadFields } from './workload.ts'

export const group = 'ftp-operator.io'
const version = 'v1alpha1'
export const apiVersion = `${group}/${version}`
export const kind = 'FtpServer'
export const plural = 'ftpservers'
/** Where the API server serves it. */
export const resourceKind = { group, version, plural, kind, namespaced: true } as const

// How long a stopping server waits is `drainSeconds`, which decides about the pod’s grace period as well.
const { drainTimeoutSeconds: _, ...limits } = serverSchema.properties.limits.properties
const { description: limitsDescription } = serverSchema.properties.limits as { description?: string }

export const specSchema = record(
  {
    listeners,
    tls,
    passive,
    active: kubernetesStyle(serverSchema.properties.active),
    service,
    hostNetwork,
    storage,
    users,
    usersFrom,
    allowedUsers,
    anonymous,
    limits: kubernetesStyle(record(limits, { default: {}, description: limitsDescription ?? '' })),
    bandwidth: kubernetesStyle(serverSchema.properties.bandwidth),
    bans,
    uploads: kubernetesStyle(serverSchema.properties.uploads),
    transfers: kubernetesStyle(serverSchema.properties.transfers),
    quotas: kubernetesStyle(serverSchema.properties.quotas),
    folders,
    names: kubernetesStyle(serverSchema.properties.names),
    events,
    banner: serverSchema.properties.banner,
    language,
    messages: kubernetesStyle(serverSchema.properties.messages),
    hosts,
    workers: countOrAuto({
      maximum: maxWorkers,
      default: 1,
      description:
        'Processes that serve sessions in each pod: a number from 1 to 64, or `Auto` for as many as the pod has cores, up to 16. With 1, one process does everything; with more, each is a process beside the first, which takes about 50 MiB of memory and uses a core.',
    }),
    listing: kubernetesStyle(serverSchema.properties.listing),
    logging: kubernetesStyle(serverSchema.properties.logging),
    ...workloadFields,
  },
  { description: 'What is wanted: an FTP server, how it is reached, and who may do what.' },
)

/** What is wanted, as the API server gives it back: with all defaults. */
export type FtpServerSpec = Static<typeof specSchema>
export type FtpServerStatus = Static<typeof statusSchema>
export type InlineUser = FtpServerSpec['users'][number]
export type UsersSource = FtpServerSpec['usersFrom'][number]
export type Listener = FtpServerSpec['listeners'][number]

export const ftpServerSchema = record(
  {
    apiVersion: Type.String({ const: apiVersion, maxLength: 64, description: 'Version of the API.' }),
    kind: Type.String({ const: kind, maxLength: 64, description: 'Kind of the resource.' }),
    metadata: Type.Unsafe<Metadata>({ type: 'object', description: 'Name, namespace, labels and annotations.' }),
    spec: specSchema,
    status: Type.Optional(statusSchema),
  },
  { description: 'An FTP server.' },
)

/** Metadata of an object as the API server sends it. */
export type Metadata = {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly generation?: number
  readonly resourceVersion?: string
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly finalizers?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export type FtpServer = {
  readonly apiVersion: typeof apiVersion
  readonly kind: typeof kind
  readonly metadata: Metadata
  readonly spec: FtpServerSpec
  readonly status?: FtpServerStatus
}

export type { Condition }
