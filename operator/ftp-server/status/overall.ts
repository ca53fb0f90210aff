/** The conditions that sum the others up: `Ready`, `Reconciling` and `Stalled`, as kstatus has them. Pure. */
import { nameOf } from '../../desired/names.ts'
import { findLive, isRollingOut } from '../../observation/live.ts'
import type { Observation } from '../../observation/observation.ts'
import { describeProblems } from '../../problem.ts'
import type { Plan } from '../plan.ts'
import { counted } from './counted.ts'
import type { Finding, Findings } from './finding.ts'
import { idleFinding, replicaNumbers } from './replicas.ts'

type Parts = Pick<Findings, 'Available' | 'ConfigApplied' | 'CertificateReady' | 'AddressReady' | 'StorageReady'>

/** Problems that no other condition tells of. */
const stallingProblems: ReadonlySet<string> = new Set(['NameTaken', 'ApplyFailed', 'KindNotServed'])

export function stalledBy(parts: Parts, plan: Plan): Finding {
  const problems = plan.problems.filter(({ reason }) => stallingProblems.has(reason))
  const [problem] = problems
  if (problem !== undefined) return { status: 'True', reason: problem.reason, message: describeProblems(problems) }
  const blocked: Finding | undefined = Object.values<Finding>(parts).find(({ isBlocked }) => isBlocked)
  if (blocked === undefined) return { status: 'False', reason: 'NotStalled', message: 'nothing is in the way' }
  return { status: 'True', reason: blocked.blockedBy ?? blocked.reason, message: blocked.message }
}

export function reconcilingFor(observation: Observation, plan: Plan, parts: Parts, stalled: Finding): Finding {
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

export function summary(observation: Observation, plan: Plan, parts: Parts, stalled: Finding): Finding {
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
