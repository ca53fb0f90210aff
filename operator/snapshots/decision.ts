/** Which snapshots of a server's volume are made and removed now, and what is told of them. Pure. */

import type { FtpServer, FtpServerStatus } from '../api/ftp-server.ts'
import { claimName } from '../desired/claim.ts'
import { annotationKeys, nameOf } from '../desired/names.ts'
import { type SnapshotWish, volumeSnapshot } from '../desired/volume-snapshot.ts'
import { isLabel, type Manifest } from '../kubernetes/object.ts'
import { timestamp } from '../kubernetes/time.ts'
import { readClaim } from '../observation/live.ts'
import type { Observation } from '../observation/observation.ts'
import { type Snapshot, wantsSnapshots } from '../observation/snapshot.ts'
import { findingOf, type SnapshotFacts, type SnapshotFinding } from './finding.ts'
import { expired } from './retention.ts'
import { parseSchedule } from './schedule.ts'

export type SnapshotStatus = NonNullable<NonNullable<FtpServerStatus['storage']>['snapshots']>

export type SnapshotDecision = {
  readonly finding: SnapshotFinding
  readonly make: readonly Manifest[]
  readonly remove: readonly Snapshot[]
  /** What status says once all is made. Undefined: nothing is said. */
  readonly status: SnapshotStatus | undefined
  /** What it goes on saying where something could not be made: then it is made the next time. */
  readonly statusUnmade: SnapshotStatus | undefined
  /** Until there may be something to do or to see; undefined if only a change can bring that. */
  readonly inMilliseconds: number | undefined
}

export function decideSnapshots(observation: Observation): SnapshotDecision {
  const { server, now, snapshots: seen } = observation
  const { snapshots: wanted } = server.spec.storage
  if (seen === undefined || !wantsSnapshots(server)) {
    return nothing({ status: 'Unknown', reason: 'NotWanted', message: 'storage.snapshots is not set' })
  }
  const claim = claimName(server)
  const scheduled = scheduleOf(observation)
  const ofClaim = seen.kind === 'seen' ? seen.snapshots.filter(each => each.claim === claim) : []
  const facts: SnapshotFacts = {
    now,
    claim: observation.claim && readClaim(observation.claim),
    claimName: claim,
    seen,
    snapshots: ofClaim.filter(({ deleting }) => !deleting),
    unready: ofClaim.filter(({ trigger, state }) => trigger === 'Schedule' && state !== 'ready').length,
    request: requestOf(server),
    schedule: scheduled,
    className: wanted?.className,
    suspended: wanted?.suspend === true,
  }
  const finding = findingOf(facts)
  const wishes = isHeldUp(observation, facts) ? [] : wishesOf(facts, server.metadata.name)
  const missing = wishes.filter(({ name }) => !facts.snapshots.some(snapshot => snapshot.name === name))
  const isRunning = scheduled.kind === 'times' && !facts.suspended
  const removable =
    isRunning && wanted !== undefined && !isAtRest(observation)
      ? expired(
          facts.snapshots.filter(({ trigger }) => trigger === 'Schedule'),
          wanted.retention,
          now,
        )
      : []
  return {
    finding,
    make: missing.map(wish => volumeSnapshot(server, wish)),
    remove: removable,
    status: statusOf(facts, wishes, server.status?.storage?.snapshots),
    statusUnmade: statusOf(facts, [], server.status?.storage?.snapshots),
    inMilliseconds: untilNext(facts, finding),
  }
}

/** Where the API server refused: it is told, and tried again, but nothing else waits for it. */
export function refused(decision: SnapshotDecision, message: string): SnapshotDecision {
  return {
    ...decision,
    finding: { status: 'False', reason: 'SnapshotRefused', message },
    status: decision.statusUnmade,
  }
}

/** A new value of the annotation asks for one more. */
function requestOf({ metadata, status }: FtpServer): SnapshotFacts['request'] {
  const value = metadata.annotations?.[annotationKeys.snapshot]
  if (value === undefined) return undefined
  return {
    value,
    isWrong: !isLabel(value),
    isDone: status?.storage?.snapshots?.lastRequest === value,
  }
}

function nothing(finding: SnapshotFinding): SnapshotDecision {
  return { finding, make: [], remove: [], status: undefined, statusUnmade: undefined, inMilliseconds: undefined }
}

function scheduleOf({ server, now }: Observation): SnapshotFacts['schedule'] {
  const { snapshots } = server.spec.storage
  if (snapshots?.schedule === undefined) return { kind: 'none' }
  const schedule = parseSchedule(snapshots.schedule, snapshots.timeZone)
  if (typeof schedule === 'string') return { kind: 'wrong', why: schedule }
  const next = schedule.nextAfter(now)
  if (next === undefined) return { kind: 'wrong', why: 'has a day that never comes' }
  const text = `${snapshots.schedule} ${snapshots.timeZone}`
  const known = server.status?.storage?.snapshots
  const last = Date.parse(known?.lastScheduleTime ?? '')
  // A schedule that is new begins now: what it would have had before is not made up for.
  const since = known?.schedule === text && !Number.isNaN(last) ? last : now
  const before = schedule.lastAt(now)
  return { kind: 'times', text, since, next, due: before !== undefined && before > since ? before : undefined }
}

function isAtRest({ server }: Observation): boolean {
  return server.spec.paused || server.metadata.deletionTimestamp !== undefined
}

function isHeldUp(observation: Observation, { claim, claimName: name, seen, className }: SnapshotFacts): boolean {
  if (isAtRest(observation) || seen.kind !== 'seen' || name === undefined) return true
  if (claim?.phase !== 'Bound' || claim.deleting) return true
  const { classes } = seen
  if (classes === undefined) return false
  return !classes.some(each => (className === undefined ? each.isDefault : each.name === className))
}

function wishesOf(facts: SnapshotFacts, server: string): readonly SnapshotWish[] {
  const { now, claimName: claim = '', request, className, schedule, snapshots, unready, suspended } = facts
  const wish = { claim, className }
  const asked: readonly SnapshotWish[] =
    request === undefined || request.isWrong || request.isDone
      ? []
      : [{ ...wish, name: nameOf.snapshot(server, request.value), trigger: 'Request', scheduled: undefined }]
  const due = schedule.kind === 'times' && !suspended ? schedule.due : undefined
  // Two at once of one volume are more than some drivers can do. When it is ready, what was missed is made, once.
  const isBusy = snapshots.some(
    ({ trigger, state, created }) =>
      trigger === 'Schedule' && state === 'pending' && now - created < patienceMilliseconds,
  )
  if (due === undefined) return asked
  const name = nameOf.scheduledSnapshot(server, timestamp(due))
  // What a driver fails to make it tries again, and until it has, some can’t even be deleted.
  const isFull = unready >= mostUnready
  if ((isBusy || isFull) && !snapshots.some(snapshot => snapshot.name === name)) return asked
  return [...asked, { ...wish, name, trigger: 'Schedule', scheduled: timestamp(due) }]
}

/** One that is being made for longer holds up no other. */
const patienceMilliseconds = 86_400_000
const mostUnready = 4

function statusOf(
  facts: SnapshotFacts,
  wishes: readonly SnapshotWish[],
  before: SnapshotStatus | undefined,
): SnapshotStatus | undefined {
  const { seen, schedule, snapshots, request, suspended } = facts
  const isMade = (trigger: SnapshotWish['trigger']) => wishes.some(wish => wish.trigger === trigger)
  const newest = snapshots
    .filter(({ state }) => state === 'ready')
    .toSorted((one, other) => (other.taken ?? other.created) - (one.taken ?? one.created))[0]
  const running = schedule.kind === 'times' && !suspended ? schedule : undefined
  const isRequestDone = request !== undefined && (request.isDone || isMade('Request'))
  const status: SnapshotStatus = {
    ...(running !== undefined && {
      schedule: running.text,
      lastScheduleTime: timestamp(isMade('Schedule') ? (running.due ?? running.since) : running.since),
      nextScheduleTime: timestamp(running.next),
    }),
    // What can't be seen for the moment may still be there.
    ...(seen.kind !== 'seen' && successOf(before)),
    ...(newest !== undefined && {
      lastSuccessfulTime: timestamp(newest.taken ?? newest.created),
      lastSuccessfulName: newest.name,
    }),
    ...(isRequestDone && { lastRequest: request.value }),
  }
  // An empty object becomes null for the API server when something is put into it by server-side apply, and null is refused.
  return Object.keys(status).length === 0 ? undefined : status
}

function successOf(before: SnapshotStatus | undefined): SnapshotStatus {
  const { lastSuccessfulTime, lastSuccessfulName } = before ?? {}
  return {
    ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
    ...(lastSuccessfulName !== undefined && { lastSuccessfulName }),
  }
}

function untilNext({ now, schedule, snapshots, suspended }: SnapshotFacts, finding: SnapshotFinding): number {
  const unready = snapshots.filter(({ state }) => state !== 'ready')
  // Nobody tells of snapshots: a kind that a cluster may not have is not watched.
  const looks = unready.map(({ created }) =>
    Math.min(Math.max(soonMilliseconds, (now - created) / 10), lateMilliseconds),
  )
  const untilDue = schedule.kind === 'times' && !suspended ? [schedule.next - now] : []
  const isOpen = finding.status !== 'True' && finding.reason !== 'NotWanted' && finding.reason !== 'Suspended'
  return Math.max(0, Math.min(lateMilliseconds * 10, ...looks, ...untilDue, ...(isOpen ? [lateMilliseconds] : [])))
}

const soonMilliseconds = 2000
const lateMilliseconds = 60_000
