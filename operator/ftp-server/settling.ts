/** How long it takes until the nodes send clients to a pod that is ready. */
import type { Observation, ObservedPod } from '../observation/observation.ts'

// kube-proxy learns of new endpoints once a second (its minSyncPeriod), and readiness is told in whole seconds.
const settlingMilliseconds = 3000

/** Milliseconds until clients reach a pod of a server that was not available before; 0 if they do, or nothing is known of it. */
export function settlesInMilliseconds({ server, pods, now }: Observation): number {
  const wasAvailable = server.status?.conditions?.some(({ type, status }) => type === 'Available' && status === 'True')
  // A pod that takes over from another: its replica was reachable all the time.
  if (wasAvailable === true) return 0
  const waits = pods
    .filter(pod => pod.ready && !pod.terminating && !pod.ended)
    .map(pod => settledMilliseconds(pod, now))
  return waits.length === 0 ? 0 : Math.min(...waits)
}

/** Milliseconds until clients reach this pod, whatever was before it. */
export function settledMilliseconds({ readySince }: ObservedPod, now: number): number {
  const left = readySince === undefined ? 0 : readySince + settlingMilliseconds - now
  // More than that is a clock of a node that is ahead of ours.
  return left > 0 && left <= settlingMilliseconds ? left : 0
}
