/** How much room there is: on the volume, and in the quotas that hold. */

import { isWithin } from '../path.ts'
import { limitsAt } from '../quota/quotas.ts'
import type { QuotaState, Room } from '../storage.ts'
import { Counting, type QuotaSettings } from './counting.ts'
import { statfs } from './kernel/system.ts'
import type { Tree } from './tree/tree.ts'
import { inTurn } from './volumes/volume-gate.ts'

/** In a directory, which a path leads to. Rejects with system errors and StorageErrors. */
export async function roomIn(tree: Tree, path: string, settings: QuotaSettings | undefined): Promise<Room> {
  const pinned = await tree.pin(path)
  let volumeBytes: number
  try {
    const { bavail, bsize } = await inTurn(tree.gate, () => statfs(pinned.self))
    volumeBytes = bavail * bsize
  } finally {
    pinned.release()
  }
  const quotas = settings === undefined ? [] : await quotasAt(path, settings)
  const left = quotas.map(({ bytes }) => (bytes.limit === undefined ? volumeBytes : bytes.limit - bytes.used))
  return { bytes: Math.max(0, Math.min(volumeBytes, ...left)), quotas }
}

async function quotasAt(path: string, settings: QuotaSettings): Promise<readonly QuotaState[]> {
  const limits = limitsAt(settings.limits, new Counting(settings, { path }).path)
  if (limits.length === 0) return []
  const usages = await settings.quotas.usage(limits)
  return limits.map(({ directory, maxBytes, maxFiles }, index) => ({
    directory: shown(directory, settings.home),
    bytes: { used: usages[index]?.bytes ?? 0, limit: maxBytes },
    files: { used: usages[index]?.files ?? 0, limit: maxFiles },
  }))
}

/** As the user sees it; undefined for a directory that the home is deeper in. */
function shown(directory: string, home: string): string | undefined {
  if (!isWithin(directory, home)) return undefined
  return home === '/' ? directory : directory.slice(home.length) || '/'
}
