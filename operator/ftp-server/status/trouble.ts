/** What keeps pods from being made, from running, or from taking over. */
import { nameOf } from '../../desired/names.ts'
import { creationFailure, findLive } from '../../observation/live.ts'
import type { Observation, ObservedPod } from '../../observation/observation.ts'

export type Trouble = {
  readonly reason: string
  readonly message: string
  /** It gets no better unless a person does something. */
  readonly isBlocked: boolean
}

/** The first trouble of the replicas that are wanted. */
export function findTrouble(observation: Observation, replicas: readonly number[]): Trouble | undefined {
  const { server, live, now } = observation
  for (const replica of replicas) {
    for (const { name, trouble, created } of troubled(observation, replica)) {
      const { reason, message } = trouble
      return {
        reason: camelCase(reason),
        message: `pod ${name}: ${reason}${message === '' ? '' : `: ${message}`}`,
        // A node may be on its way, and an image that could not be pulled once may be pulled the next time.
        isBlocked: now - created > patienceMilliseconds,
      }
    }
    const deployment = findLive(live, 'Deployment', nameOf.deployment(server.metadata.name, replica))
    const failure = deployment && creationFailure(deployment)
    // An older pod may serve all the same.
    if (failure !== undefined) return { reason: 'PodsRefused', message: failure, isBlocked: true }
  }
  return undefined
}

/** Until it is time to tell of what has not got better by itself, or to call a person. Undefined if that is so already, or all is well. */
export function patienceLeftMilliseconds(observation: Observation): number | undefined {
  const { server, now } = observation
  const replicas = Array.from({ length: server.spec.replicas }, (_, replica) => replica)
  const left = replicas
    .flatMap(replica => currentTroubles(observation, replica))
    .flatMap(({ created, node }) => [
      ...(node === undefined ? [created + schedulingMilliseconds] : []),
      created + patienceMilliseconds,
    ])
    // A moment later, or it would be exactly now.
    .map(time => time - now + 1)
    .filter(milliseconds => milliseconds > 0)
  return left.length === 0 ? undefined : Math.min(...left)
}

const patienceMilliseconds = 60_000
/** A volume that is made for a new claim takes so long, and until then no node takes the pod. */
const schedulingMilliseconds = 15_000

type TroubledPod = ObservedPod & { readonly trouble: NonNullable<ObservedPod['trouble']> }

/** Those that it is time to tell of. */
function troubled(observation: Observation, replica: number): readonly TroubledPod[] {
  const { now } = observation
  return currentTroubles(observation, replica).filter(
    ({ node, created }) => node !== undefined || now - created > schedulingMilliseconds,
  )
}

function currentTroubles({ pods }: Observation, replica: number): readonly TroubledPod[] {
  return pods.filter(
    (pod): pod is TroubledPod =>
      pod.replica === replica && !pod.terminating && !pod.ended && !pod.ready && pod.trouble !== undefined,
  )
}

function camelCase(reason: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(reason) ? reason : 'PodNotRunning'
}
