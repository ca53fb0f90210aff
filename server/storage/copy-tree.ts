/** A copy of a directory with all that is in it, made without a client in between. */
import { setImmediate } from 'node:timers/promises'
import type { Copying, UserStorage } from './guarded.ts'
import { joinPath, parentOf } from './path.ts'
import { StorageError, type Watch } from './storage.ts'

export type TreeCopying = Copying & {
  /** Permission bits of directories that are made; without them, those that the process gives. */
  readonly directoryPermissions: number | undefined
  /** Counts what is there. */
  readonly copied: { files: number; directories: number }
}

type Reader = Pick<UserStorage, 'list'>
type Copier = Reader & Pick<UserStorage, 'makeDirectory' | 'copyFile' | 'checkRoom'>

/** What is more than this is refused with `not-supported` before anything is made. */
const limits = { depth: 64, entries: 100_000 }

/**
 * Makes the directory at a free name. What links to files lead to is copied, links to directories are left out, so that there is an end.
 * Counts names and bytes. Rejects with a StorageError; what was copied until then stays, as it does with `cp -r`: to remove it would take
 * as long again, on a volume that may just have failed.
 */
export async function copyTree(storage: Copier, from: string, to: string, copying: TreeCopying): Promise<void> {
  const { directories, files, bytes } = await contentOf(storage, from, copying)
  await storage.checkRoom(parentOf(to), bytes)
  const { signal, progress, directoryPermissions, copied } = copying
  for (const path of directories) {
    if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
    await storage.makeDirectory(to + path, directoryPermissions)
    copied.directories += 1
    progress.bytes += 1
  }
  for (const path of files) {
    if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
    await storage.copyFile(from + path, to + path, copying)
    copied.files += 1
    progress.bytes += 1
  }
}

type Content = {
  /** Below the directory itself, which is the empty string; those above come first. */
  readonly directories: readonly string[]
  readonly files: readonly string[]
  readonly bytes: number
}

/** Before anything is made: of a copy that gets into its own way there would be no end. */
async function contentOf(storage: Reader, from: string, { signal, progress }: Watch): Promise<Content> {
  const directories = ['']
  const files: string[] = []
  let bytes = 0
  for (const directory of directories) {
    for await (const batch of storage.list(from + directory)) {
      if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
      for (const { name, type, size, linkTarget } of batch) {
        progress.bytes += 1
        const path = joinPath(directory === '' ? '/' : directory, name)
        if (type === 'directory' && linkTarget === undefined) directories.push(path)
        if (type !== 'file') continue
        files.push(path)
        bytes += size
      }
      if (directories.length + files.length > limits.entries) throw new StorageError('not-supported')
      await setImmediate()
    }
    if (directory.split('/').length > limits.depth) throw new StorageError('not-supported')
  }
  return { directories, files, bytes }
}
