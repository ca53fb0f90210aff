/** Reads what the cluster says of the snapshots of a server, and of what its volume is to be filled with. */
import type { FtpServer } from '../api/ftp-server.ts'
import { labelKeys, managedBy } from '../desired/names.ts'
import { hasReason } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import type { Clock } from '../time/clock.ts'
import { type DataSource, dataSourceKind, readDataSource } from './data-source.ts'
import { readSnapshot, readSnapshotClass, type SeenSnapshots, type SnapshotClass, wantsSnapshots } from './snapshot.ts'

export interface SnapshotSight {
  /** Undefined where nobody wants to know. Clusters without VolumeSnapshots, and operators without rights, are told of, and no errors. */
  snapshotsOf(server: FtpServer, signal: AbortSignal): Promise<SeenSnapshots | undefined>
  /** Undefined where the volume is filled with nothing, or with something of a kind that is not known here. */
  dataSourceOf(server: FtpServer, signal: AbortSignal): Promise<DataSource | undefined>
}

export type SnapshotSightOptions = {
  readonly cluster: Pick<Cluster, 'get' | 'list' | 'isServed'>
  readonly clock: Clock
}

export function createSnapshotSight({ cluster, clock }: SnapshotSightOptions): SnapshotSight {
  let kept: { readonly classes: readonly SnapshotClass[] | undefined; readonly since: number } | undefined

  async function classes(signal: AbortSignal): Promise<readonly SnapshotClass[] | undefined> {
    const now = clock.milliseconds()
    if (kept !== undefined && now - kept.since < freshMilliseconds) return kept.classes
    const read = await cluster.list(kinds.volumeSnapshotClass, { signal }).then(
      ({ items }) => items.map(readSnapshotClass),
      (error: unknown) => {
        // Whoever looks after some namespaces only may not read what is in none.
        if (!hasReason(error, 'Forbidden') && !hasReason(error, 'NotFound')) throw error
        return undefined
      },
    )
    kept = { classes: read, since: now }
    return read
  }

  return {
    async snapshotsOf(server, signal) {
      if (!wantsSnapshots(server)) return undefined
      if (!(await cluster.isServed(kinds.volumeSnapshot, { signal }))) return { kind: 'not-served' }
      const { name, namespace } = server.metadata
      const labelSelector = `${labelKeys.instance}=${name},${labelKeys.managedBy}=${managedBy}`
      try {
        const { items } = await cluster.list(kinds.volumeSnapshot, { namespace, labelSelector, signal })
        return { kind: 'seen', snapshots: items.map(readSnapshot), classes: await classes(signal) }
      } catch (error) {
        if (hasReason(error, 'NotFound')) return { kind: 'not-served' }
        if (!hasReason(error, 'Forbidden') || !(error instanceof Error)) throw error
        return { kind: 'forbidden', message: error.message }
      }
    },

    async dataSourceOf({ metadata, spec }, signal) {
      const source = spec.storage.claim?.dataSource
      const kind = source && dataSourceKind(source)
      if (source === undefined || kind === undefined) return undefined
      if (kind === kinds.volumeSnapshot && !(await cluster.isServed(kind, { signal }))) return { state: 'not-served' }
      try {
        const found = await cluster.get(kind, { name: source.name, namespace: metadata.namespace }, { signal })
        return readDataSource(found)
      } catch (error) {
        if (hasReason(error, 'Forbidden')) return undefined
        throw error
      }
    },
  }
}

const freshMilliseconds = 15_000
