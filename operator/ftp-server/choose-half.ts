/** Which half of its ports the pod of a replica gets. */
import type { Half } from '../desired/ports.ts'

export type HalfChoice = {
  /** The template is another one than that which runs, so that there will be a new pod. */
  readonly templateChanged: boolean
  /** What the Deployment uses now; undefined if there is none. */
  readonly live: Half | undefined
  /** Halves of pods that take new sessions. */
  readonly serving: ReadonlySet<Half>
  /** Halves of pods that end their last sessions. */
  readonly draining: ReadonlySet<Half>
}

/**
 * A new pod must not share ports with one that serves, or kube-proxy spreads data connections over both. It gets the
 * half on which nobody serves; `wait` if there is none, until the older pod is gone.
 */
export function chooseHalf({ templateChanged, live, serving, draining }: HalfChoice): Half | 'wait' {
  const isBusy = (half: Half) => serving.has(half) || draining.has(half)
  // Without a Deployment nobody new is served: that can't wait.
  if (live === undefined) return isBusy('a') && !isBusy('b') ? 'b' : 'a'
  // Somebody took the pod away, and the one that takes its place is about to get the same ports.
  const isReplaced = draining.has(live) && !serving.has(live)
  if (!isReplaced && !(templateChanged && serving.has(live))) return live
  const other = live === 'a' ? 'b' : 'a'
  if (!isBusy(other)) return other
  return templateChanged ? 'wait' : live
}
