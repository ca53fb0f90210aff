/** Conditions as the status of a resource has them, from what was found. Pure. */
import type { Condition } from './api/status.ts'
import { timestamp } from './kubernetes/time.ts'

export type Finding = Pick<Condition, 'status' | 'reason' | 'message'>

/** Conditions by type; the time of one stays as long as its status does. */
export function conditionsFrom(
  findings: Readonly<Record<string, Finding>>,
  {
    last = [],
    generation,
    now,
  }: {
    readonly last: readonly Condition[] | undefined
    readonly generation: number | undefined
    readonly now: number
  },
): Condition[] {
  return Object.entries(findings).map(([type, finding]) => {
    const same = last.find(each => each.type === type && each.status === finding.status)
    return {
      type,
      status: finding.status,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: same?.lastTransitionTime ?? timestamp(now),
      reason: finding.reason,
      message: finding.message.slice(0, longestMessage),
    }
  })
}

// The API allows 32,768; nobody reads more than this.
export const longestMessage = 2048
