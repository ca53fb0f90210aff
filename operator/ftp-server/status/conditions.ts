/** The conditions of a server, one by one: what holds, why, and whether it takes a person to change it. */
import type { Observation } from '../../observation/observation.ts'
import { portLimits } from '../exposure/port-limits.ts'
import type { Plan } from '../plan.ts'
import { settlesInMilliseconds } from '../settling.ts'
import { type Finding, type Findings, truth } from './finding.ts'
import { reconcilingFor, stalledBy, summary } from './overall.ts'
import { idleFinding, readyReplicas, replicaNumbers, wantedReplicas } from './replicas.ts'
import { configApplied, usersAccepted } from './reported.ts'
import { storageReady } from './storage-ready.ts'
import { findTrouble } from './trouble.ts'

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

function certificateReady({ decisions }: Plan): Finding {
  const { ready, reason, message, isBlocked } = decisions.certificate
  return { status: truth(ready), reason, message, isBlocked: isBlocked && !ready }
}
