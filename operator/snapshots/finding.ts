/** How it is about the snapshots of a server: the condition `SnapshotsReady`. Pure. */
import { timestamp } from '../kubernetes/time.ts'
import type { ClaimState } from '../observation/live.ts'
import type { SeenSnapshots, Snapshot } from '../observation/snapshot.ts'

export type SnapshotFinding = {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

export type SnapshotFacts = {
  readonly now: number
  readonly claim: ClaimState | undefined
  readonly claimName: string | undefined
  readonly seen: SeenSnapshots
  /** Of this claim, without those that are being deleted. */
  readonly snapshots: readonly Snapshot[]
  /** Of the schedule, and not ready: how many, with those that are being deleted. */
  readonly unready: number
  readonly request: SnapshotRequest | undefined
  readonly schedule:
    | { readonly kind: 'none' }
    | { readonly kind: 'wrong'; readonly why: string }
    | {
        readonly kind: 'times'
        readonly text: string
        /** All before has been seen to. */
        readonly since: number
        readonly next: number
        readonly due: number | undefined
      }
  readonly className: string | undefined
  readonly suspended: boolean
}

/** What somebody asks for by the annotation. */
export type SnapshotRequest = {
  readonly value: string
  /** It is no part of a name. */
  readonly isWrong: boolean
  /** It was made before. */
  readonly isDone: boolean
}

export function findingOf(facts: SnapshotFacts): SnapshotFinding {
  return obstacle(facts) ?? failure(facts) ?? state(facts)
}

function no(reason: string, message: string): SnapshotFinding {
  return { status: 'False', reason, message }
}

/** Why none can be made. */
function obstacle({ seen, claimName, request, schedule, className }: SnapshotFacts): SnapshotFinding | undefined {
  if (seen.kind === 'not-served') {
    return {
      status: 'False',
      reason: 'SnapshotsNotServed',
      message:
        'the cluster does not have VolumeSnapshots (snapshot.storage.k8s.io/v1): install the definitions and the snapshot controller of kubernetes-csi/external-snapshotter',
    }
  }
  if (seen.kind === 'forbidden') return no('SnapshotsForbidden', seen.message)
  if (claimName === undefined) return no('NoClaim', 'an emptyDir has no snapshots: they are of claims')
  if (schedule.kind === 'wrong') return no('ScheduleInvalid', `storage.snapshots.schedule ${schedule.why}`)
  if (request?.isWrong === true) {
    return {
      status: 'False',
      reason: 'RequestInvalid',
      message:
        'the annotation ftp-operator.io/snapshot becomes part of a name: it must be at most 63 lower-case letters and digits, with - between them',
    }
  }
  const { classes } = seen
  if (className !== undefined && classes?.every(({ name }) => name !== className) === true) {
    return no('SnapshotClassNotFound', `VolumeSnapshotClass ${className} does not exist`)
  }
  if (className === undefined && classes?.every(({ isDefault }) => !isDefault) === true) {
    return {
      status: 'False',
      reason: 'NoDefaultSnapshotClass',
      message:
        'no VolumeSnapshotClass is the default one: name one in storage.snapshots.className, or annotate one with snapshot.storage.kubernetes.io/is-default-class: "true"',
    }
  }
  return undefined
}

/** The newest says how it goes. */
function failure({ snapshots, now }: SnapshotFacts): SnapshotFinding | undefined {
  const [newest] = snapshots.toSorted((one, other) => other.created - one.created || other.time - one.time)
  if (newest?.state === 'failed') return no('SnapshotFailed', `VolumeSnapshot ${newest.name}: ${newest.message}`)
  if (newest?.state !== 'pending' || newest.isTakenUp || now - newest.created < patienceMilliseconds) return undefined
  return {
    status: 'False',
    reason: 'SnapshotNotTakenUp',
    message: `nobody has begun with VolumeSnapshot ${newest.name} for ${patienceMilliseconds / 60_000} minutes: the cluster needs the snapshot controller, and the volume’s driver its csi-snapshotter`,
  }
}

const patienceMilliseconds = 5 * 60_000

function state({ snapshots, claim, claimName, schedule, suspended }: SnapshotFacts): SnapshotFinding {
  const nothing = (reason: string, message: string): SnapshotFinding => ({ status: 'Unknown', reason, message })
  if (suspended) return nothing('Suspended', 'storage.snapshots.suspend is set: none is made, and none removed')
  if (claim?.phase !== 'Bound' || claim.deleting) {
    return nothing('ClaimNotBound', `claim ${claimName ?? ''} is not bound to a volume, of which one could be made`)
  }
  const ready = snapshots.filter(each => each.state === 'ready')
  const making = snapshots.find(each => each.state === 'pending')
  const next = schedule.kind === 'times' ? `the next is due at ${timestamp(schedule.next)}` : 'no schedule'
  if (making !== undefined && ready.length === 0) {
    return nothing('InProgress', `VolumeSnapshot ${making.name} is being made; ${next}`)
  }
  const newest = ready.toSorted((one, other) => other.created - one.created)[0]
  if (newest === undefined) return nothing('NoneYet', `there is none yet; ${next}`)
  const also = making === undefined ? '' : `, ${making.name} is being made`
  return { status: 'True', reason: 'SnapshotReady', message: `VolumeSnapshot ${newest.name} is ready${also}; ${next}` }
}
