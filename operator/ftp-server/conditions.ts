/** The conditions of a server, one by one: what holds, why, and whether it takes a person to change it. */
import type { ConditionType } from '../api/status.ts'
import { nameOf } from '../desired/names.ts'
import { amountOf } from '../desired/subset.ts'
import { findLive, isRollingOut, readClaim } from '../observation/live.ts'
import type { Observation, ObservedPod } from '../observation/observation.ts'
import { describeProblems } from '../problem.ts'
import { restoreFinding } from '../snapshots/restore.ts'
import { originOf } from '../users/user-files.ts'
import { counted } from './counted.ts'
import type { Plan } from './plan.ts'
import { portLimits } from './port-limits.ts'
import { settlesInMilliseconds } from './settling.ts'
import { hasInForce } from './stamp.ts'
import { findTrouble } from './trouble.ts'

export type Finding = {
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** It gets no better unless a person does something. */
  readonly isBlocked?: boolean
  /** What is in the way, where `reason` says what is so all the same. */
  readonly blockedBy?: string
}

export type Findings = Readonly<Record<ConditionType, Finding>>

export function findConditions(observation: Observation, plan: Plan): Findings {
  const { exposure } = plan.decisions
  const parts = {
    Available: available(observation),
    CertificateReady: certificateReady(plan),
    AddressReady: {
      status: truth(exposure.address.ready),
      reason: exposure.address.reason,
      message: exposure.address.message,
      isBlocked: exposure.address.isBlocked ?? false,
    },
    StorageReady: storageReady(observation, plan),
    ConfigApplied: configApplied(observation, plan),
  } as const satisfies Partial<Findings>
  const stalled = stalledBy(parts, plan)
  const reconciling = reconcilingFor(observation, plan, parts, stalled)
  const { preserved, reason, message } = exposure.sourceAddress
  return {
    Ready: summary(observation, plan, parts, stalled),
    Reconciling: reconciling,
    Stalled: stalled,
    ...parts,
    UsersAccepted: usersAccepted(observation, plan),
    SnapshotsReady: plan.decisions.snapshots.finding,
    SourceIPPreserved: { status: truth(preserved), reason, message },
    PortsWithinLimits: portLimits(observation, plan.decisions.portCount),
    PassiveVerified: plan.decisions.verification.finding,
  }
}

/** Replicas that there should be now. */
function wantedReplicas({ server }: Observation): number {
  return server.spec.suspend ? 0 : server.spec.replicas
}

/** Replicas with a pod that serves. */
export function readyReplicas(observation: Observation): readonly number[] {
  const ready = observation.pods.filter(pod => pod.ready && isCurrent(pod)).map(({ replica }) => replica)
  return [...new Set(ready)].filter(replica => replica < wantedReplicas(observation))
}

/** Replicas all of whose pods have the configuration in force that they are to have. */
export function appliedReplicas(observation: Observation, { decisions }: Plan): readonly number[] {
  return replicaNumbers(observation).filter(replica => {
    const pods = servingPods(observation, replica)
    return pods.length > 0 && pods.every(pod => hasInForce(pod, decisions.hashOf(pod.replica, pod.half)))
  })
}

type Parts = Pick<Findings, 'Available' | 'ConfigApplied' | 'CertificateReady' | 'AddressReady' | 'StorageReady'>

function truth(holds: boolean): 'True' | 'False' {
  return holds ? 'True' : 'False'
}

function isCurrent({ terminating, ended }: ObservedPod): boolean {
  return !terminating && !ended
}

function replicaNumbers(observation: Observation): readonly number[] {
  return Array.from({ length: wantedReplicas(observation) }, (_, replica) => replica)
}

function currentPods({ pods }: Observation, replica: number): readonly ObservedPod[] {
  return pods.filter(pod => pod.replica === replica && isCurrent(pod))
}

/** A pod that is about to take over does not count yet. */
function servingPods(observation: Observation, replica: number): readonly ObservedPod[] {
  const pods = currentPods(observation, replica)
  const ready = pods.filter(pod => pod.ready)
  return ready.length > 0 ? ready : pods
}

const suspended: Finding = { status: 'False', reason: 'Suspended', message: 'spec.suspend is set: there are no pods' }
const noReplicas: Finding = { status: 'False', reason: 'NoReplicas', message: 'spec.replicas is 0: there are no pods' }

function idleFinding({ server }: Observation): Finding | undefined {
  if (server.spec.suspend) return suspended
  return server.spec.replicas === 0 ? noReplicas : undefined
}

function available(observation: Observation): Finding {
  const idle = idleFinding(observation)
  if (idle !== undefined) return idle
  const wanted = wantedReplicas(observation)
  const ready = readyReplicas(observation).length
  const trouble = findTrouble(observation, replicaNumbers(observation))
  const because = trouble === undefined ? '' : `: ${trouble.message}`
  const message = `${ready} of ${wanted} replicas ready${because}`
  const blocked = trouble?.isBlocked === true ? { isBlocked: true, blockedBy: trouble.reason } : {}
  if (ready > 0 && settlesInMilliseconds(observation) > 0) {
    return { status: 'False', reason: 'NotReachableYet', message: `${message}; clients reach them in a moment` }
  }
  if (ready === wanted) return { status: 'True', reason: 'AllReplicasReady', message, ...blocked }
  if (ready > 0) return { status: 'True', reason: 'SomeReplicasReady', message, ...blocked }
  return { status: 'False', reason: trouble?.reason ?? 'NoReplicaReady', message, ...blocked }
}

function configApplied(observation: Observation, plan: Plan): Finding {
  if (idleFinding(observation) !== undefined) {
    return { status: 'Unknown', reason: 'NoPods', message: 'no pod runs that could have a configuration in force' }
  }
  const pods = replicaNumbers(observation).flatMap(replica => servingPods(observation, replica))
  const behind = pods.filter(pod => !hasInForce(pod, plan.decisions.hashOf(pod.replica, pod.half)))
  const wanted = wantedReplicas(observation)
  const applied = appliedReplicas(observation, plan).length
  if (applied === wanted) {
    return { status: 'True', reason: 'Applied', message: `in force in ${wanted} of ${wanted} replicas` }
  }
  const soFar = `in force in ${applied} of ${wanted} replicas`
  const refused = behind.flatMap(({ report }) => report?.problems ?? []).map(toProblem)
  if (refused.length > 0) {
    return {
      status: 'False',
      reason: 'Rejected',
      message: `${soFar}; refused, so that the last good version stays in force: ${describeProblems(distinct(refused))}`,
      isBlocked: true,
    }
  }
  if (behind.some(({ ready, report }) => ready && report === undefined)) {
    return {
      status: 'Unknown',
      reason: 'NotReported',
      message: `${soFar}; others do not answer the operator at /status`,
    }
  }
  return { status: 'False', reason: 'Pending', message: soFar }
}

type Described = { readonly source: string; readonly message: string }

function toProblem({
  file,
  path,
  message,
}: {
  readonly file: string
  readonly path: string
  readonly message: string
}): Described {
  const origin = file.startsWith('users/') ? originOf(file) : file
  return { source: path === '' ? origin : `${origin}: ${path}`, message }
}

function distinct(problems: readonly Described[]): readonly Described[] {
  return [...new Map(problems.map(each => [`${each.source}\n${each.message}`, each])).values()]
}

function usersAccepted(observation: Observation, plan: Plan): Finding {
  const missing = plan.problems.filter(({ reason }) => userReasons.has(reason))
  const report = newestReport(observation, plan)
  const rejected = distinct(
    (report?.rejected ?? []).map(({ file, user, message }) => ({
      source: `${user === undefined ? '' : `${user} in `}${originOf(file)}`,
      message,
    })),
  )
  const lists = distinct((report?.problems ?? []).filter(({ file }) => file.startsWith('users/')).map(toProblem))
  const all: readonly Described[] = [...missing, ...lists, ...rejected]
  if (all.length > 0) {
    const reason = missing[0]?.reason ?? (lists.length > 0 ? 'ListsRejected' : 'UsersRejected')
    return { status: 'False', reason, message: describeProblems(all) }
  }
  if (report === undefined) return { status: 'Unknown', reason: 'Pending', message: 'no replica has told yet' }
  if (report.accepted === 0 && !observation.server.spec.anonymous.enabled) {
    return { status: 'True', reason: 'NoUsers', message: 'there are no users: nobody can log in' }
  }
  return { status: 'True', reason: 'AllAccepted', message: `${counted(report.accepted, 'user')} can log in` }
}

/** Of problems that are about users, whether single ones or where they come from. */
const userReasons = new Set([
  'SecretNotFound',
  'ConfigMapNotFound',
  'KeyNotFound',
  'KeyUnusable',
  'InvalidPassword',
  'TooLarge',
])

/** The report of a pod that has the newest configuration, or of any. */
export function newestReport({ pods }: Observation, { decisions }: Plan): ObservedPod['report'] {
  const current = pods.filter(pod => isCurrent(pod) && pod.report !== undefined)
  const newest = current.find(pod => hasInForce(pod, decisions.hashOf(pod.replica, pod.half)))
  return (newest ?? current[0])?.report
}

function certificateReady({ decisions }: Plan): Finding {
  const { ready, reason, message, isBlocked } = decisions.certificate
  return { status: truth(ready), reason, message, isBlocked: isBlocked && !ready }
}

function storageReady(observation: Observation, plan: Plan): Finding {
  const { server, claim: object } = observation
  const { storage, replicas } = server.spec
  if (storage.emptyDir !== undefined) {
    return { status: 'True', reason: 'EmptyDir', message: 'files are lost with the pod' }
  }
  const name = storage.existingClaimName ?? nameOf.claim(server.metadata.name)
  const taken = plan.problems.some(({ source, reason }) => reason === 'NameTaken' && source.endsWith(` ${name}`))
  const no = (reason: string, message: string, isBlocked: boolean): Finding => ({
    status: 'False',
    reason,
    message,
    isBlocked,
  })
  if (taken) return no('ClaimTaken', `claim ${name} belongs to somebody else`, true)
  if (object === undefined) {
    if (storage.claim !== undefined) return no('Pending', `claim ${name} is about to be made`, false)
    return no('ClaimNotFound', `claim ${name} does not exist`, true)
  }
  const claim = readClaim(object)
  if (claim.deleting) return no('ClaimDeleted', `claim ${name} is being deleted`, true)
  if (claim.phase === 'Lost') return no('Lost', `the volume of claim ${name} is gone`, true)
  if (claim.phase !== 'Bound') {
    const { dataSource, size = '' } = storage.claim ?? {}
    const restore = dataSource && restoreFinding(dataSource, observation.dataSource, size)
    if (restore !== undefined) return no(restore.reason, `claim ${name}: ${restore.message}`, restore.isBlocked)
    const storageClass = claim.storageClass === undefined ? '' : ` of storage class ${claim.storageClass}`
    return no('Pending', `claim ${name}${storageClass} is not bound to a volume yet`, false)
  }
  const isShared = claim.accessModes.some(mode => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')
  if (replicas > 1 && !isShared) {
    return no('NotShared', `${replicas} replicas need a claim with ReadWriteMany; ${name} has not`, true)
  }
  const size = claim.capacity === undefined ? '' : `, ${claim.capacity}`
  if (storage.claim !== undefined && isSmaller(claim.capacity, storage.claim.size)) {
    const failed = claim.resize?.failed ?? false
    return {
      // The files are there and served all the same.
      status: 'True',
      reason: failed ? 'ResizeFailed' : 'Resizing',
      message: `claim ${name} is to grow to ${storage.claim.size}${size}${claim.resize?.message ? `: ${claim.resize.message}` : ''}`,
      isBlocked: failed,
    }
  }
  const bound = `claim ${name} is bound${size}`
  if (replicas > 1 && hasQuotas(observation)) {
    const message = `${bound}; each of the ${replicas} replicas keeps count of quotas by itself, so uploads to several at once may exceed them until files are counted again`
    return { status: 'True', reason: 'QuotasPerReplica', message }
  }
  return { status: 'True', reason: 'Bound', message: bound }
}

/** As far as the operator knows: lists of users are the server's to read. */
function hasQuotas({ server: { spec }, users }: Observation): boolean {
  return (
    spec.quotas.length > 0 ||
    spec.users.some(({ quota }) => quota !== undefined) ||
    users.some(({ user }) => user.spec.quota !== undefined)
  )
}

function isSmaller(one: string | undefined, other: string): boolean {
  const [first, second] = [amountOf(one ?? ''), amountOf(other)]
  return first !== undefined && second !== undefined && first < second
}

/** Problems that no other condition tells of. */
const stallingProblems: ReadonlySet<string> = new Set(['NameTaken', 'ApplyFailed', 'KindNotServed'])

function stalledBy(parts: Parts, plan: Plan): Finding {
  const problems = plan.problems.filter(({ reason }) => stallingProblems.has(reason))
  const [problem] = problems
  if (problem !== undefined) return { status: 'True', reason: problem.reason, message: describeProblems(problems) }
  const blocked: Finding | undefined = Object.values<Finding>(parts).find(({ isBlocked }) => isBlocked)
  if (blocked === undefined) return { status: 'False', reason: 'NotStalled', message: 'nothing is in the way' }
  return { status: 'True', reason: blocked.blockedBy ?? blocked.reason, message: blocked.message }
}

function reconcilingFor(observation: Observation, plan: Plan, parts: Parts, stalled: Finding): Finding {
  const { server, live } = observation
  if (server.spec.paused)
    return { status: 'False', reason: 'Paused', message: 'spec.paused is set: nothing is changed' }
  // One of the two at most: who waits for a person is not on the way (kstatus).
  if (stalled.status === 'True') {
    return {
      status: 'False',
      reason: 'Stalled',
      message: 'nothing more can be done before what Stalled says is mended',
    }
  }
  const yes = (reason: string, message: string): Finding => ({ status: 'True', reason, message })
  if (plan.decisions.waiting.length > 0) {
    return yes('Draining', 'new pods wait until older ones have ended their transfers')
  }
  const { name } = server.metadata
  const isRolling = replicaNumbers(observation).some(replica => {
    const deployment = findLive(live, 'Deployment', nameOf.deployment(name, replica))
    return deployment === undefined || isRollingOut(deployment)
  })
  if (isRolling || plan.decisions.changed.length > 0) return yes('RollingOut', 'pods are being made or replaced')
  if (idleFinding(observation) !== undefined) {
    const left = observation.pods.filter(({ ended }) => !ended).length
    if (left > 0) return yes('Draining', `transfers end in ${counted(left, 'pod')}`)
    return { status: 'False', reason: 'Settled', message: 'everything is as it should be' }
  }
  const open = firstOpen(parts)
  if (open !== undefined) return yes(open.reason, open.message)
  if (parts.Available.reason !== 'AllReplicasReady') return yes('RollingOut', parts.Available.message)
  return { status: 'False', reason: 'Settled', message: 'everything is as it should be' }
}

/** The first part that does not hold: one that waits for a person before all others. */
function firstOpen(parts: Parts): Finding | undefined {
  const open = Object.values<Finding>(parts).filter(({ status }) => status !== 'True')
  return open.find(({ isBlocked }) => isBlocked) ?? open[0]
}

function summary(observation: Observation, plan: Plan, parts: Parts, stalled: Finding): Finding {
  const idle = idleFinding(observation)
  if (idle !== undefined) return idle
  const open = firstOpen(parts)
  if (open !== undefined) return { status: 'False', reason: open.reason, message: open.message }
  if (parts.Available.reason !== 'AllReplicasReady') {
    return { status: 'False', reason: parts.Available.reason, message: parts.Available.message }
  }
  const incomplete = plan.problems.find(({ reason }) => reason === 'NameTaken' || reason === 'ApplyFailed')
  if (incomplete !== undefined) return { status: 'False', reason: incomplete.reason, message: stalled.message }
  const { clientAddress } = plan.decisions.exposure
  const where = clientAddress === undefined ? '' : ` at ${clientAddress}`
  return { status: 'True', reason: 'Serving', message: `${parts.Available.message}${where}` }
}
