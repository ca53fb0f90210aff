/** When a server is looked at again, although nothing has told of a change. Pure. */
import type { Observation } from '../observation/observation.ts'
import type { Decisions } from './decisions.ts'
import { settlesInMilliseconds } from './settling.ts'
import { nextStampMilliseconds } from './stamp.ts'
import { patienceLeftMilliseconds } from './status/trouble.ts'

// What no watch tells about: certificates that expire, servers that answer something else.
export const quietSeconds = 600
export const waitingSeconds = 5
export const takenSeconds = 15
const resolvingSeconds = 10
const clashSeconds = 10
/** While pods remove homes. */
const leavingSeconds = 3

export function secondsUntilNext(observation: Observation, decisions: Decisions): number {
  const { now, pods } = observation
  const { certificate, exposure, waiting, bindings, hashOf: expectedHash } = decisions
  // One that is needed now is made now, or somebody is in the way.
  const isKnown = certificate.renewAt !== undefined && certificate.needed === undefined
  const untilRenewal = isKnown ? (certificate.renewAt - now) / 1000 : quietSeconds
  const untilApplied = pods
    .filter(pod => !pod.terminating && !pod.ended && pod.node !== undefined)
    .flatMap(pod => nextStampMilliseconds(pod, expectedHash(pod.replica, pod.half), now) ?? [])
    .map(milliseconds => milliseconds / 1000)
  const settlesIn = settlesInMilliseconds(observation)
  const untilTried = decisions.verification.inMilliseconds
  const untilSnapshots = decisions.snapshots.inMilliseconds
  const patienceLeft = patienceLeftMilliseconds(observation)
  const seconds = Math.min(
    quietSeconds,
    untilRenewal,
    ...untilApplied,
    ...(settlesIn > 0 ? [settlesIn / 1000] : []),
    ...(waiting.length > 0 ? [waitingSeconds] : []),
    ...(bindings.some(({ leaving }) => leaving !== undefined) ? [leavingSeconds] : []),
    ...(exposure.address.reason === 'HostnameUnresolved' ? [resolvingSeconds] : []),
    ...(exposure.address.reason === 'PortTaken' ? [clashSeconds] : []),
    ...(patienceLeft === undefined ? [] : [patienceLeft / 1000]),
    ...(untilSnapshots === undefined ? [] : [untilSnapshots / 1000]),
    ...(untilTried === undefined || observation.probe === undefined ? [] : [untilTried / 1000]),
  )
  return Math.max(1, Math.ceil(seconds))
}
