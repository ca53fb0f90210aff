/** How large all files in a directory are, as who asks may see them. */
import { setImmediate } from 'node:timers/promises'
import { joinPath } from './path.ts'
import { type Storage, StorageError, type Watch } from './storage.ts'

/** Directories are remembered, so that links in a circle come to an end. */
const mostDirectories = 100_000

/** Bytes; a file that has several names there counts with each. Counts names. Rejects with a StorageError. */
export async function sizeBelow(
  storage: Pick<Storage, 'list' | 'stat'>,
  path: string,
  { signal, progress }: Watch,
): Promise<number> {
  const seen = new Set([(await storage.stat(path)).unique])
  const waiting = [path]
  let bytes = 0
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for await (const batch of storage.list(directory)) {
      if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
      for (const { type, size, name, unique } of batch) {
        progress.bytes += 1
        if (type === 'file') bytes += size
        if (type !== 'directory' || seen.has(unique)) continue
        if (seen.size === mostDirectories) throw new StorageError('not-supported')
        seen.add(unique)
        waiting.push(joinPath(directory, name))
      }
      await setImmediate()
    }
  }
  return bytes
}
