/** Keeps an FtpUser that is to take its home with it until the home is gone: the finalizer, and what is told meanwhile. */
import type { Logger } from 'pino'
import { type FtpUser, type FtpUserStatus, ftpUserResourceKind } from '../api/ftp-user.ts'
import type { ReconcileResult } from '../controller/controller.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { type KubernetesObject, keyOf } from '../kubernetes/object.ts'
import type { ClusterView } from '../observation/cluster-view.ts'
import type { Clock } from '../time/clock.ts'
import type { Bindings } from '../users/bindings.ts'
import { type HomeState, homeFinalizer } from '../users/leaving.ts'
import { leavingStatus } from './leaving-status.ts'

export type DepartureOptions = {
  readonly cluster: Pick<Cluster, 'patchMerge'>
  readonly view: Pick<ClusterView, 'server'>
  readonly bindings: Bindings
  readonly clock: Clock
  readonly logger: Logger
  /** Writes status if it has changed. */
  readonly tell: (user: FtpUser, status: FtpUserStatus, signal: AbortSignal) => Promise<void>
}

type ServerName = { readonly name: string; readonly namespace: string }

export type Departure = {
  /** Of a user who stays: the finalizer is there exactly where the home is to go. */
  readonly prepare: (user: FtpUser, signal: AbortSignal) => Promise<void>
  /** Of one who leaves. */
  readonly accompany: (
    user: FtpUser,
    servers: readonly ServerName[],
    signal: AbortSignal,
  ) => Promise<ReconcileResult | undefined>
  /** Of one who leaves and can’t be read: no server has an order for it. */
  readonly release: (user: Pick<KubernetesObject, 'metadata'>, signal: AbortSignal) => Promise<void>
}

const waitingSeconds = 10

export function createDeparture({ cluster, view, bindings, clock, logger, tell }: DepartureOptions): Departure {
  return {
    async prepare(user, signal) {
      const isWanted = user.spec.reclaimPolicy === 'Delete'
      const isThere = user.metadata.finalizers?.includes(homeFinalizer) === true
      if (isWanted !== isThere) await setFinalizer(user, isWanted, signal)
    },
    async accompany(user, servers, signal) {
      const states = servers.map(server => ({ ...server, home: homeAt(user, server) }))
      const result = leavingStatus({ user, servers: states, now: clock.wallMilliseconds() })
      if (result.kind === 'waiting') {
        await tell(user, result.status, signal)
        return { requeueAfterSeconds: waitingSeconds }
      }
      await setFinalizer(user, false, signal)
      logger.info({ user: keyOf(user.metadata), homeRemovedAt: result.removedAt }, 'user let go')
      return undefined
    },
    release: (user, signal) => setFinalizer(user, false, signal),
  }

  function homeAt(user: FtpUser, server: ServerName): HomeState | undefined {
    const key = keyOf(server)
    // Whoever deletes a server decides about its files by its claim.
    if (view.server(key) === undefined) return { kind: 'left', message: 'there is no such FtpServer' }
    const bound = bindings.of(key, keyOf(user.metadata))
    if (bound?.uid !== user.metadata.uid || bound.generation !== user.metadata.generation) return undefined
    return bound.home
  }

  async function setFinalizer(
    { metadata }: Pick<KubernetesObject, 'metadata'>,
    isThere: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, namespace, uid, resourceVersion, finalizers = [] } = metadata
    const others = finalizers.filter(each => each !== homeFinalizer)
    // Of a version that is not the newest it is refused, and tried again: the list is replaced as a whole.
    const patch = {
      metadata: { uid, resourceVersion, finalizers: isThere ? [...others, homeFinalizer] : others },
    }
    await cluster.patchMerge(ftpUserResourceKind, { name, namespace }, patch, { signal })
  }
}
