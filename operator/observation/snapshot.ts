/** VolumeSnapshots and their classes as the decisions need them, from what the API server says. Pure. */
import type { FtpServer } from '../api/ftp-server.ts'
import { annotationKeys, labelKeys, managedBy } from '../desired/names.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { at, textAt } from '../kubernetes/read.ts'

export type Snapshot = {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** Of which claim it is. */
  readonly claim: string | undefined
  /** What made it: a time of the schedule, or a person who asked for it. */
  readonly trigger: 'Schedule' | 'Request' | undefined
  /** The time of the schedule that it was made for, or when it was made; milliseconds since the epoch. */
  readonly time: number
  /** Milliseconds since the epoch. */
  readonly created: number
  readonly state: 'pending' | 'failed' | 'ready'
  /** A controller has begun to make it. */
  readonly isTakenUp: boolean
  /** What its driver says to a failure. */
  readonly message: string
  /** When the volume was as it is in it; undefined if that is not told. */
  readonly taken: number | undefined
  readonly deleting: boolean
}

export type SnapshotClass = { readonly name: string; readonly isDefault: boolean }

/** What the cluster says of snapshots. */
export type SeenSnapshots =
  | { readonly kind: 'not-served' }
  | { readonly kind: 'forbidden'; readonly message: string }
  | {
      readonly kind: 'seen'
      /** All that carry the name of the server. */
      readonly snapshots: readonly Snapshot[]
      /** Undefined where the operator may not read them. */
      readonly classes: readonly SnapshotClass[] | undefined
    }

export function readSnapshot(object: KubernetesObject): Snapshot {
  const { name, uid = '', resourceVersion = '', labels = {}, annotations = {} } = object.metadata
  const created = timeOf(object.metadata.creationTimestamp) ?? 0
  const trigger = labels[labelKeys.snapshotTrigger]
  const error = at(object, 'status', 'error')
  const isReady = at(object, 'status', 'readyToUse') === true
  return {
    name,
    uid,
    resourceVersion,
    claim: textAt(object, 'spec', 'source', 'persistentVolumeClaimName'),
    trigger: trigger === 'Schedule' || trigger === 'Request' ? trigger : undefined,
    time: timeOf(annotations[annotationKeys.scheduledTime]) ?? created,
    created,
    // One that is ready may still show the error of an earlier attempt.
    state: isReady ? 'ready' : error === undefined ? 'pending' : 'failed',
    isTakenUp: textAt(object, 'status', 'boundVolumeSnapshotContentName') !== undefined,
    message: textAt(error, 'message') ?? 'it failed, and nobody says why',
    taken: timeOf(textAt(object, 'status', 'creationTime')),
    deleting: object.metadata.deletionTimestamp !== undefined,
  }
}

/** Whether anything is to be known of snapshots. */
export function wantsSnapshots({ metadata, spec }: FtpServer): boolean {
  return spec.storage.snapshots !== undefined || metadata.annotations?.[annotationKeys.snapshot] !== undefined
}

/** Made for the server of this name, be it one before. */
export function isOurs({ metadata }: KubernetesObject, server: string): boolean {
  return metadata.labels?.[labelKeys.managedBy] === managedBy && metadata.labels[labelKeys.instance] === server
}

export function readSnapshotClass({ metadata }: KubernetesObject): SnapshotClass {
  return { name: metadata.name, isDefault: metadata.annotations?.[defaultClass] === 'true' }
}

const defaultClass = 'snapshot.storage.kubernetes.io/is-default-class'

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}
