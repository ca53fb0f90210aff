/** Which scheduled snapshots are not kept any longer. Pure. */
import type { Snapshot } from '../observation/snapshot.ts'

export type Retention = {
  /** Of those that are ready. */
  readonly maxCount: number
  readonly maxAgeDays?: number | undefined
}

/** What can be restored is what counts: a snapshot goes only where newer ones are ready, and the newest that is ready stays. */
export function expired(snapshots: readonly Snapshot[], retention: Retention, now: number): readonly Snapshot[] {
  const newestFirst = snapshots.filter(({ deleting }) => !deleting).toSorted((one, other) => other.time - one.time)
  const ready = newestFirst.filter(({ state }) => state === 'ready')
  const { maxCount, maxAgeDays } = retention
  const oldest = maxAgeDays === undefined ? Number.NEGATIVE_INFINITY : now - maxAgeDays * dayMilliseconds
  const failed = newestFirst.filter(({ state }) => state === 'failed')
  const newerReady = ({ time }: Snapshot) => ready.filter(other => other.time > time).length
  return newestFirst.filter(snapshot => {
    if (snapshot.state === 'failed') return newerReady(snapshot) > 0 || failed.indexOf(snapshot) >= mostFailed
    // One that is being made may take hours; it goes when it would go if it were ready.
    if (newerReady(snapshot) >= maxCount) return true
    return snapshot.state === 'ready' && newerReady(snapshot) > 0 && snapshot.time < oldest
  })
}

const dayMilliseconds = 86_400_000
/** Enough to see what goes wrong; a driver that always fails leaves no more behind. */
const mostFailed = 3
