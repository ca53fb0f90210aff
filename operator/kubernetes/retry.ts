/** Whether a failed request is worth another attempt, and when. */
import { backoffMilliseconds } from '../time/backoff.ts'
import { ApiError, TransportError } from './api-error.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Milliseconds until the next attempt; undefined if there is to be none. `failures` counts from 1. */
export function retryMilliseconds(
  error: unknown,
  method: Method,
  failures: number,
  random: () => number,
): number | undefined {
  if (failures >= mostAttempts) return undefined
  const backoff = backoffMilliseconds(policy, failures, random)
  if (error instanceof TransportError) {
    return error.kind === 'unsent' || (method !== 'POST' && error.kind !== 'malformed') ? backoff : undefined
  }
  if (!(error instanceof ApiError)) return undefined
  // client-go's rest package does the same: a server that says when to come back has not carried the request out.
  const asked = error.retryAfterSeconds
  const wait = asked === undefined ? backoff : Math.max(backoff, 1000 * Math.min(asked, longestRetryAfterSeconds))
  if (error.status === 429) return wait
  if (error.status < 500) return undefined
  return method !== 'POST' || asked !== undefined ? wait : undefined
}

const mostAttempts = 5
const longestRetryAfterSeconds = 30
const policy = { firstMilliseconds: 200, factor: 2, longestMilliseconds: 5000, jitter: 1 }
