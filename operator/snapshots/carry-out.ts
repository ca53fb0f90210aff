/** Makes and removes snapshots as was decided. What is refused is told, and keeps nothing else from being done. */
import type { Logger } from 'pino'
import type { FtpServer } from '../api/ftp-server.ts'
import { ApiError, hasReason } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { keyOf, type Manifest } from '../kubernetes/object.ts'
import { isOurs } from '../observation/snapshot.ts'
import { refused, type SnapshotDecision } from './decision.ts'

export type SnapshotWriter = {
  readonly cluster: Pick<Cluster, 'create' | 'delete' | 'get'>
  readonly logger: Logger
}

/** The decision as it turned out. Rejects where the API server does not answer. */
export async function carryOutSnapshots(
  { cluster, logger }: SnapshotWriter,
  server: FtpServer,
  decision: SnapshotDecision,
  signal: AbortSignal,
): Promise<SnapshotDecision> {
  const refusals: string[] = []
  const attempt = async (name: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500 || error.status === 429) throw error
      refusals.push(`VolumeSnapshot ${name}: ${error.message}`)
    }
  }
  for (const manifest of decision.make) {
    const { name } = manifest.metadata
    await attempt(name, async () => {
      const outcome = await make(manifest)
      if (outcome === 'taken') refusals.push(`VolumeSnapshot ${name} exists already and is somebody else’s`)
      else logger.info({ server: keyOf(server.metadata), object: `VolumeSnapshot ${name}` }, outcome)
    })
  }
  for (const { name, uid, resourceVersion } of decision.remove) {
    await attempt(name, async () => {
      const id = { name, namespace: server.metadata.namespace }
      try {
        await cluster.delete(kinds.volumeSnapshot, id, { uid, resourceVersion, propagation: 'Background', signal })
        logger.info({ server: keyOf(server.metadata), object: `VolumeSnapshot ${name}` }, 'removed')
      } catch (error) {
        // It is not what it was when that was decided: whether it is to go is looked at again.
        if (!hasReason(error, 'Conflict')) throw error
      }
    })
  }
  return refusals.length === 0 ? decision : refused(decision, refusals.join('; '))

  async function make(manifest: Manifest): Promise<'created' | 'there already' | 'taken'> {
    try {
      await cluster.create(manifest, { signal })
      return 'created'
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
      // Whoever made it a moment ago, here or as the leader before, gave it the name of the same time.
      const found = await cluster.get(kinds.volumeSnapshot, manifest.metadata, { signal })
      return found === undefined || isOurs(found, server.metadata.name) ? 'there already' : 'taken'
    }
  }
}
