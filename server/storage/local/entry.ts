/** What the operating system says about a file, as the storage's Entry. */
import type { Stats } from 'node:fs'
import type { Entry, EntryType } from '../storage.ts'

export function toEntry(name: string, stats: Stats, linkTarget?: string): Entry {
  return {
    name,
    type: typeOf(stats),
    size: stats.size,
    modified: Math.floor(stats.mtimeMs),
    unique: identityOf(stats),
    mode: stats.mode & 0o7777,
    links: stats.nlink,
    owner: stats.uid,
    group: stats.gid,
    linkTarget,
  }
}

/** The same for the same file or directory, whatever its name. */
export function identityOf({ dev, ino, birthtimeMs }: Stats): string {
  const identity = `${dev.toString(16)}-${ino.toString(16)}`
  // Inode numbers beyond 2^53 lose digits here: the time of birth tells those apart that look the same.
  return Number.isSafeInteger(ino) ? identity : `${identity}-${birthtimeMs.toString(16)}`
}

function typeOf(stats: Stats): EntryType {
  if (stats.isFile()) return 'file'
  return stats.isDirectory() ? 'directory' : 'other'
}
