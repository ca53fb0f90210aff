/** How long to wait before the next attempt, after a number of failures. */
export type BackoffPolicy = {
  readonly firstMilliseconds: number
  readonly factor: number
  /** Upper bound of what grows; jitter comes on top. */
  readonly longestMilliseconds: number
  /** Part of the delay that chance may add: 1 doubles it at most. */
  readonly jitter: number
}

/** Delay before attempt `failures + 1`; `failures` counts from 1, `random` is in [0, 1). */
export function backoffMilliseconds(policy: BackoffPolicy, failures: number, random: () => number): number {
  const grown = policy.firstMilliseconds * policy.factor ** Math.max(0, failures - 1)
  return Math.min(grown, policy.longestMilliseconds) * (1 + policy.jitter * random())
}
