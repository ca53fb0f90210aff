/** Events from what has changed between the status before and the status now. Pure. */
import type { Condition, FtpServerStatus } from '../../api/ftp-server.ts'
import type { ConditionType } from '../../api/status.ts'

export type Transition = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly action: string
  readonly note: string
}

/** Nothing where nothing changed, so that a quiet server makes no events. */
export function transitionsOf(before: FtpServerStatus | undefined, after: FtpServerStatus): readonly Transition[] {
  const last = new Map(before?.conditions?.map(condition => [condition.type, condition]))
  const ofConditions = (after.conditions ?? []).flatMap((condition): Transition[] => {
    const subject = subjects[condition.type as ConditionType]
    if (subject === undefined || isSame(last.get(condition.type), condition)) return []
    if (condition.type === 'Stalled' && !isNews(condition, after)) return []
    const type = isGood(condition) ? 'Normal' : 'Warning'
    // That something is not there yet when a server is new is no news.
    if (type === 'Warning' && isOnTheWay(condition)) return []
    // Each one that is ready is told by its name.
    if (type === 'Normal' && condition.type === 'SnapshotsReady') return []
    return [{ type, reason: `${subject}${condition.reason}`, action: 'Reconcile', note: condition.message }]
  })
  return [...ofConditions, ...snapshotTransitions(before, after)]
}

function snapshotTransitions(before: FtpServerStatus | undefined, after: FtpServerStatus): readonly Transition[] {
  const name = after.storage?.snapshots?.lastSuccessfulName
  if (name === undefined || name === before?.storage?.snapshots?.lastSuccessfulName) return []
  return [
    { type: 'Normal', reason: 'SnapshotReady', action: 'Reconcile', note: `VolumeSnapshot ${name} is ready to use` },
  ]
}

/** What an event's reason starts with. The other conditions say the same in other words, or nothing new. */
const subjects: Readonly<Partial<Record<ConditionType, string>>> = {
  Stalled: '',
  Available: '',
  ConfigApplied: 'Config',
  UsersAccepted: 'Users',
  CertificateReady: 'Certificate',
  AddressReady: 'Address',
  StorageReady: 'Storage',
  SnapshotsReady: '',
  SourceIPPreserved: 'SourceIP',
  PortsWithinLimits: '',
  PassiveVerified: 'Passive',
}

/** What stalls a server mostly has an event of its own. */
function isNews(stalled: Condition, { conditions = [] }: FtpServerStatus): boolean {
  if (isGood(stalled)) return false
  return !conditions.some(
    each => each.type !== 'Stalled' && isSubject(each) && !isGood(each) && each.reason === stalled.reason,
  )
}

function isSubject({ type }: Condition): boolean {
  return subjects[type as ConditionType] !== undefined
}

function isGood({ type, status }: Condition): boolean {
  return type === 'Stalled' ? status === 'False' : status === 'True'
}

const onTheWay = new Set([
  'Pending',
  'NoPods',
  'NotReported',
  'Issuing',
  'LoadBalancerPending',
  'NodePortsPending',
  'NodePending',
  'ServicePending',
  'HostnameUnresolved',
  'NoReplicaReady',
  'NotReachableYet',
  'Restoring',
  'SourceNotReady',
])

function isOnTheWay({ status, reason }: Condition): boolean {
  return status === 'Unknown' || onTheWay.has(reason)
}

/** The messages of what is wrong tell more: which users, which keys. Those of what is well count and measure. */
function isSame(last: Condition | undefined, now: Condition): boolean {
  if (last === undefined) return now.type === 'Stalled' && now.status === 'False'
  if (last.status !== now.status || last.reason !== now.reason) return false
  return isGood(now) || last.message === now.message
}
