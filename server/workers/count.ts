/** How many processes serve sessions. Pure. */

/** As many as there are cores, but each has a memory of its own: more than these help nobody. */
const mostByThemselves = 16

/** Cores that a process may use: those the system counts, or fewer by the quota of its control group (`cpu.max`, or quota and period of version 1). */
export function coresGiven(parallelism: number, quota: string | undefined): number {
  const [most = 'max', period = '100000'] = quota?.trim().split(/\s+/) ?? []
  const share = Number(most) / Number(period)
  if (!(share > 0 && Number.isFinite(share))) return Math.max(1, parallelism)
  return Math.max(1, Math.min(parallelism, Math.floor(share)))
}

export function workerCount(setting: number | 'auto', cores: number): number {
  return setting === 'auto' ? Math.min(mostByThemselves, Math.max(1, cores)) : setting
}
