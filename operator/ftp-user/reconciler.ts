/** Looks after one FtpUser: the Secret of a generated password, and its status. What pods get of it is the work of the servers. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { FtpServer } from '../api/ftp-server.ts'
import { type FtpUser, type FtpUserStatus, ftpUserResourceKind } from '../api/ftp-user.ts'
import type { Clock } from '../clock.ts'
import type { Reconcile, ReconcileResult } from '../controller/controller.ts'
import { fieldManager } from '../desired/names.ts'
import type { ClusterView } from '../ftp-server/cluster-view.ts'
import { isControlledBy } from '../ftp-server/live.ts'
import { textAt } from '../ftp-server/read.ts'
import { unreadableStatus } from '../ftp-server/unreadable.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { apiVersionOf, type KubernetesObject, keyOf, type Manifest } from '../kubernetes/object.ts'
import { isAllowed } from './binding.ts'
import {
  bindingKeys,
  bindingSecret,
  type Endpoint,
  type Passwords,
  previousExpiry,
  secretState,
} from './binding-secret.ts'
import type { Bindings } from './bindings.ts'
import { createDeparture } from './departure.ts'
import { isLeaving } from './leaving.ts'
import { quiet } from './leaving-status.ts'
import { bindingSecretName } from './references.ts'
import { type Finding, isDecided, type ServerState, userStatus } from './status.ts'
import type { ReadUser, UserView } from './user-view.ts'

export type UserReconcilerOptions = {
  readonly cluster: Pick<Cluster, 'apply' | 'applyStatus' | 'get' | 'patchMerge'>
  readonly view: Pick<ClusterView, 'server'> & { readonly users: UserView }
  readonly bindings: Bindings
  readonly events: EventRecorder
  readonly clock: Clock
  readonly logger: Logger
  /** Bytes that nobody can guess. */
  readonly randomBytes: (count: number) => Uint8Array
}

const statusFieldManager = `${fieldManager}-status`
/** A server decides about a new user within this, mostly; a status before that would be one write more. */
const patienceSeconds = 2
const waitingSeconds = 30

export function createUserReconciler(options: UserReconcilerOptions): Reconcile {
  const { cluster, view, bindings, events, clock, logger, randomBytes } = options
  const departure = createDeparture({ cluster, view, bindings, clock, logger, tell })

  return async (key, signal) => {
    const read = view.users.user(key)
    if (read === undefined) return undefined
    if ('errors' in read) {
      if (!isLeaving(read.object)) return tellUnreadable(read, signal)
      await departure.release(read.object, signal)
      return undefined
    }
    const { user } = read
    // What it owns goes with it.
    if (isLeaving(user)) return await departure.accompany(user, serverNamesOf(user), signal)
    if (user.metadata.deletionTimestamp !== undefined) return undefined
    await departure.prepare(user, signal)
    return await reconcile(user, signal)
  }

  async function reconcile(user: FtpUser, signal: AbortSignal): Promise<ReconcileResult> {
    const now = clock.wallMilliseconds()
    const secret = await ensureSecret(user, now, signal)
    const servers = serverNamesOf(user).map(server => serverState(user, server))
    const isWaiting = !servers.every(isDecided) && secret.problem === undefined
    if (isWaiting) {
      // What is told of a user as it was before stays until there is something to tell.
      if (user.status?.conditions !== undefined) return { requeueAfterSeconds: waitingSeconds }
      const age = now - Date.parse(user.metadata.creationTimestamp ?? '')
      if (age < patienceSeconds * 1000) return { requeueAfterSeconds: patienceSeconds }
    }
    await tell(user, userStatus({ user, servers, secretProblem: secret.problem, now }), signal)
    if (isWaiting) return { requeueAfterSeconds: waitingSeconds }
    return { requeueAfterSeconds: secret.dueAt === undefined ? undefined : Math.max(1, (secret.dueAt - now) / 1000) }
  }

  function serverState(user: FtpUser, { name, namespace }: ServerName): ServerState {
    const key = keyOf({ name, namespace })
    if (view.server(key) === undefined) return { name, namespace, bound: 'missing' }
    const bound = bindings.of(key, keyOf(user.metadata))
    const isOfNow = bound?.uid === user.metadata.uid && bound.generation === user.metadata.generation
    return { name, namespace, bound: isOfNow ? bound : undefined }
  }

  /** Makes the Secret with a generated password as it should be; reads it only if its metadata say that it is not. */
  async function ensureSecret(
    user: FtpUser,
    now: number,
    signal: AbortSignal,
  ): Promise<{ readonly problem?: Finding; readonly dueAt?: number | undefined }> {
    if (user.spec.generatedPassword === undefined) return {}
    const { namespace, uid } = user.metadata
    const name = bindingSecretName(user.metadata.name)
    const endpoint = endpointOf(user)
    const known = view.users.secret(namespace, name)
    const annotationsOf = (object: KubernetesObject) => object.metadata.annotations ?? {}
    if (known !== undefined && isControlledBy(known, uid)) {
      const annotations = annotationsOf(known)
      if (secretState(user, endpoint, annotations, now).kind === 'current')
        return { dueAt: previousExpiry(annotations) }
    }
    // The copy may be behind: what was made a moment ago is not made again.
    const live = await cluster.get(kinds.secret, { name, namespace }, { signal })
    if (live !== undefined && !isControlledBy(live, uid)) {
      const message = `Secret ${name} exists already and does not belong to this user; it is left as it is`
      return { problem: { status: 'False', reason: 'NameTaken', message } }
    }
    const state = live && secretState(user, endpoint, annotationsOf(live), now).kind
    if (live !== undefined && state === 'current' && dataOf(live, bindingKeys.password) !== undefined) {
      return { dueAt: previousExpiry(annotationsOf(live)) }
    }
    const manifest = bindingSecret(user, endpoint, nextPasswords(user, live, state === 'outdated', now))
    await cluster.apply(manifest, { fieldManager, force: true, signal })
    logger.info({ user: keyOf(user.metadata), object: `Secret ${name}` }, 'applied')
    return { dueAt: previousExpiry(manifest.metadata.annotations ?? {}) }
  }

  function nextPasswords(
    { spec }: FtpUser,
    live: KubernetesObject | undefined,
    isOutdated: boolean,
    now: number,
  ): Passwords {
    const { length = 32, overlapSeconds = 0 } = spec.generatedPassword ?? {}
    const last = live && dataOf(live, bindingKeys.password)
    if (last === undefined) return { current: newPassword(length), previous: undefined }
    if (isOutdated) {
      const expires = new Date(now + overlapSeconds * 1000).toISOString()
      return {
        current: newPassword(length),
        previous: overlapSeconds === 0 ? undefined : { password: last, expires },
      }
    }
    const password = live && dataOf(live, bindingKeys.previousPassword)
    const expires = live && dataOf(live, bindingKeys.previousExpires)
    const counts = password !== undefined && expires !== undefined && Date.parse(expires) > now
    return { current: last, previous: counts ? { password, expires } : undefined }
  }

  /** Letters, digits, `-` and `_`: six bits each, and nothing that a URI or a shell would change. */
  function newPassword(length: number): string {
    return Buffer.from(randomBytes(length)).toString('base64url').slice(0, length)
  }

  /** Where clients find the first server that lets the user in and has an address. */
  function endpointOf(user: FtpUser): Endpoint | undefined {
    const labels = view.users.namespaceLabels(user.metadata.namespace)
    for (const server of serverNamesOf(user)) {
      const read = view.server(keyOf(server))
      if (read === undefined || !('server' in read) || !isAllowed(read.server, user, labels)) continue
      const endpoint = firstEndpoint(read.server)
      if (endpoint !== undefined) return endpoint
    }
    return undefined
  }

  /** Writes status if it has changed, and tells people if the user is refused. */
  async function tell(user: FtpUser, status: FtpUserStatus, signal: AbortSignal): Promise<void> {
    if (isDeepStrictEqual(status, user.status)) return
    await writeStatus(user.metadata, status, signal)
    const [before, after] = [user.status, status].map(each => each?.conditions?.find(({ type }) => type === 'Ready'))
    if (after?.status !== 'False' || quiet.has(after.reason)) return
    if (before?.status === after.status && before.reason === after.reason) return
    events.record(user, { type: 'Warning', reason: after.reason, action: 'Reconcile', note: after.message })
  }

  async function tellUnreadable(
    { object, errors }: Extract<ReadUser, { errors: readonly string[] }>,
    signal: AbortSignal,
  ): Promise<undefined> {
    const status = unreadableStatus(object, errors, clock.wallMilliseconds())
    if (status !== undefined) await writeStatus(object.metadata, status, signal)
    return undefined
  }

  async function writeStatus(
    { name, namespace }: { readonly name: string; readonly namespace?: string },
    status: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const metadata = { name, ...(namespace !== undefined && { namespace }) }
    const { kind } = ftpUserResourceKind
    const manifest = { apiVersion: apiVersionOf(ftpUserResourceKind), kind, metadata, status } as Manifest
    await cluster.applyStatus(manifest, { fieldManager: statusFieldManager, force: true, signal })
  }
}

type ServerName = Pick<ServerState, 'name' | 'namespace'>

/** Each once, in the order of the resource. */
function serverNamesOf({ metadata, spec }: FtpUser): readonly ServerName[] {
  const names = spec.serverRefs.map(({ name, namespace = metadata.namespace }) => ({ name, namespace }))
  return [...new Map(names.map(each => [keyOf(each), each])).values()]
}

/** The URL of the first listener as the server's status has it. */
function firstEndpoint({ status }: FtpServer): Endpoint | undefined {
  const [first] = status?.endpoints ?? []
  const url = first === undefined ? null : URL.parse(first.url)
  if (first === undefined || url === null) return undefined
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(url.port || defaultPorts[url.protocol]), tls: first.tls }
}

// WHATWG URL leaves out the port that a scheme has by itself.
const defaultPorts: Readonly<Record<string, number>> = { 'ftp:': 21, 'ftps:': 990 }

function dataOf(secret: KubernetesObject, key: string): string | undefined {
  const text = textAt(secret, 'data', key)
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString()
}
