/** How long to wait before a worker that died is replaced. Pure. */

const firstMilliseconds = 100
const longestMilliseconds = 30_000
/** Who has lived so long did not die of how it was started. */
const healthyMilliseconds = 60_000

/** Milliseconds to wait, after as many quick deaths in a row. */
export function replacementDelay(quickDeaths: number): number {
  return Math.min(longestMilliseconds, firstMilliseconds * 2 ** Math.max(0, quickDeaths - 1))
}

/** The count of quick deaths after one more death. */
export function countDeath(quickDeaths: number, livedMilliseconds: number): number {
  return livedMilliseconds >= healthyMilliseconds ? 1 : quickDeaths + 1
}
