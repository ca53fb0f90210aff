/** What pods say of the configuration and of users: the conditions `ConfigApplied` and `UsersAccepted`. Pure. */
import type { Observation, ObservedPod } from '../../observation/observation.ts'
import { describeProblems } from '../../problem.ts'
import { originOf } from '../../users/user-files.ts'
import type { Plan } from '../plan.ts'
import { hasInForce } from '../stamp.ts'
import { counted } from './counted.ts'
import type { Finding } from './finding.ts'
import { appliedReplicas, idleFinding, isCurrent, replicaNumbers, servingPods, wantedReplicas } from './replicas.ts'

export function configApplied(observation: Observation, plan: Plan): Finding {
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

export function usersAccepted(observation: Observation, plan: Plan): Finding {
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
