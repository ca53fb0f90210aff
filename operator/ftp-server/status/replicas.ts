/** Which replicas there should be, are ready, and have the newest configuration. Pure. */
import type { Observation, ObservedPod } from '../../observation/observation.ts'
import type { Plan } from '../plan.ts'
import { hasInForce } from '../stamp.ts'
import type { Finding } from './finding.ts'

/** Replicas that there should be now. */
export function wantedReplicas({ server }: Observation): number {
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

export function replicaNumbers(observation: Observation): readonly number[] {
  return Array.from({ length: wantedReplicas(observation) }, (_, replica) => replica)
}

/** A pod that is about to take over does not count yet. */
export function servingPods(observation: Observation, replica: number): readonly ObservedPod[] {
  const pods = currentPods(observation, replica)
  const ready = pods.filter(pod => pod.ready)
  return ready.length > 0 ? ready : pods
}

function currentPods({ pods }: Observation, replica: number): readonly ObservedPod[] {
  return pods.filter(pod => pod.replica === replica && isCurrent(pod))
}

export function isCurrent({ terminating, ended }: ObservedPod): boolean {
  return !terminating && !ended
}

const suspended: Finding = { status: 'False', reason: 'Suspended', message: 'spec.suspend is set: there are no pods' }
const noReplicas: Finding = { status: 'False', reason: 'NoReplicas', message: 'spec.replicas is 0: there are no pods' }

export function idleFinding({ server }: Observation): Finding | undefined {
  if (server.spec.suspend) return suspended
  return server.spec.replicas === 0 ? noReplicas : undefined
}
