/** The annotation that makes the kubelet look for new files at once: `hash attempt time`. */
import type { ObservedPod } from '../observation/observation.ts'

type Stamp = { readonly hash: string; readonly attempt: number; readonly time: number }

/**
 * Whether a pod has these files, and all of them in force. Where it has other ones and refuses them, the last good ones
 * stay in force, which may be these by chance.
 */
export function hasInForce({ report }: ObservedPod, hash: string): boolean {
  return report?.hash === hash && report.problemCount === 0
}

/** Whether the pod is to be told of the files with this hash, for the first time or once more. */
export function isStampDue(pod: ObservedPod, hash: string, now: number): boolean {
  if (hasInForce(pod, hash)) return false
  // One that starts reads what there is by itself.
  const isStarting = !pod.ready && pod.report === undefined && now - pod.created < startingMilliseconds
  if (isStarting) return false
  const stamp = parseStamp(pod.stamp)
  if (stamp === undefined || stamp.hash !== hash) return true
  // The kubelet may have looked before the new content had come to it; within these times it has looked.
  return stamp.attempt < mostAttempts && now >= stamp.time + retryMilliseconds(stamp.attempt)
}

export function stampValue(before: string | undefined, hash: string, now: number): string {
  const stamp = parseStamp(before)
  const attempt = stamp?.hash === hash ? stamp.attempt + 1 : 1
  return `${hash} ${attempt} ${new Date(now).toISOString()}`
}

/** How long until a pod that has not these files in force should be looked at again. Undefined if it has them. */
export function nextStampMilliseconds(pod: ObservedPod, hash: string, now: number): number | undefined {
  if (hasInForce(pod, hash)) return undefined
  const stamp = parseStamp(pod.stamp)
  const age = stamp === undefined || stamp.hash !== hash ? 0 : now - stamp.time
  // At first it is a matter of a second; later something is wrong that looking does not mend.
  return Math.min(longestMilliseconds, Math.max(shortestMilliseconds, age / 4))
}

const startingMilliseconds = 10_000
const mostAttempts = 6
const shortestMilliseconds = 1000
const longestMilliseconds = 60_000

function retryMilliseconds(attempt: number): number {
  return 2000 * 2 ** (attempt - 1)
}

function parseStamp(value: string | undefined): Stamp | undefined {
  const [hash = '', attempt, time] = (value ?? '').split(' ')
  const parsed = { hash, attempt: Number(attempt), time: Date.parse(time ?? '') }
  return Number.isInteger(parsed.attempt) && Number.isFinite(parsed.time) ? parsed : undefined
}
