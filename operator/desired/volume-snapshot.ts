/** A snapshot of the volume with the files, made once: nothing in it is changed later on. */
import type { FtpServer } from '../api/ftp-server.ts'
import { kinds } from '../kubernetes/kinds.ts'
import { apiVersionOf } from '../kubernetes/object.ts'
import type { Built } from './manifest.ts'
import { metadataOf } from './metadata.ts'
import { annotationKeys, labelKeys } from './names.ts'

export type SnapshotWish = {
  readonly name: string
  readonly claim: string
  /** That of the cluster for the claim's driver if undefined. */
  readonly className: string | undefined
  readonly trigger: 'Schedule' | 'Request'
  /** Time of the schedule (RFC 3339, UTC). */
  readonly scheduled: string | undefined
}

type SnapshotSpec = {
  readonly spec: {
    readonly volumeSnapshotClassName?: string
    readonly source: { readonly persistentVolumeClaimName: string }
  }
}

export function volumeSnapshot(server: FtpServer, wish: SnapshotWish): Built<SnapshotSpec> {
  const { name, claim, className, trigger, scheduled } = wish
  return {
    apiVersion: apiVersionOf(kinds.volumeSnapshot),
    kind: kinds.volumeSnapshot.kind,
    // Without an owner: a backup has to outlive what it is of.
    metadata: metadataOf({ server }, name, {
      owned: false,
      labels: { [labelKeys.snapshotTrigger]: trigger },
      annotations: scheduled === undefined ? {} : { [annotationKeys.scheduledTime]: scheduled },
    }),
    spec: {
      ...(className !== undefined && { volumeSnapshotClassName: className }),
      source: { persistentVolumeClaimName: claim },
    },
  }
}
