/** Looks after one FtpUser: the Secrets of a generated password, and its status. What pods get of it is the work of the servers. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { type FtpUser, type FtpUserStatus, ftpUserResourceKind } from '../api/ftp-user.ts'
import type { Reconcile, ReconcileResult } from '../controller/controller.ts'
import { fieldManager } from '../desired/names.ts'
import { unreadableStatus } from '../ftp-server/status/unreadable.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { apiVersionOf, keyOf, type Manifest } from '../kubernetes/object.ts'
import type { ClusterView } from '../observation/cluster-view.ts'
import type { ReadUser, UserView } from '../observation/user-view.ts'
import type { Clock } from '../time/clock.ts'
import type { Bindings } from '../users/bindings.ts'
import { isLeaving } from '../users/leaving.ts'
import { createDeparture } from './departure.ts'
import { quiet } from './leaving-status.ts'
import { createUserSecrets } from './secrets.ts'
import { isDecided, isPasswordMissed, type ServerState, userStatus } from './status.ts'

export type UserReconcilerOptions = {
  readonly cluster: Pick<Cluster, 'apply' | 'applyStatus' | 'delete' | 'get' | 'patchMerge'>
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
  const { cluster, view, bindings, events, clock, logger } = options
  const secrets = createUserSecrets(options)
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
    const names = serverNamesOf(user)
    const isMissed = names.some(server => isPasswordMissed(serverState(user, server)))
    const made = await secrets.ensure(user, names, { now, isMissed }, signal)
    const servers = names.map(server => serverState(user, server))
    const isWaiting = !servers.every(isDecided) && made.problem === undefined
    if (isWaiting) {
      // What is told of a user as it was before stays until there is something to tell.
      if (user.status?.conditions !== undefined) return { requeueAfterSeconds: waitingSeconds }
      const age = now - Date.parse(user.metadata.creationTimestamp ?? '')
      if (age < patienceSeconds * 1000) return { requeueAfterSeconds: patienceSeconds }
    }
    await tell(user, userStatus({ user, servers, secrets: made, now }), signal)
    if (made.error !== undefined) throw made.error
    if (isWaiting) return { requeueAfterSeconds: waitingSeconds }
    return { requeueAfterSeconds: made.dueAt === undefined ? undefined : Math.max(1, (made.dueAt - now) / 1000) }
  }

  function serverState(user: FtpUser, { name, namespace }: ServerName): ServerState {
    const key = keyOf({ name, namespace })
    if (view.server(key) === undefined) return { name, namespace, bound: 'missing' }
    const bound = bindings.of(key, keyOf(user.metadata))
    const isOfNow = bound?.uid === user.metadata.uid && bound.generation === user.metadata.generation
    return { name, namespace, bound: isOfNow ? bound : undefined }
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
