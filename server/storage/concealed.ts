/** A storage in which a directory of the server's own is as if it were not there: no user sees, reads or writes what is in it. */
import { relative, sep } from 'node:path'
import { checkPaths } from './checked-paths.ts'
import { isWithin, nameOf, parentOf } from './path.ts'
import { type Storage, StorageError } from './storage.ts'

/**
 * Where a directory of the operating system is for a user whose home lies below the server's root: a virtual path, `/` if
 * the home is in it, undefined if the user can't reach it. Paths are absolute; links are not looked at.
 */
export function concealedPath(root: string, home: string, directory: string): string | undefined {
  const below = relative(root, directory)
  if (below === '' || below === '..' || below.startsWith(`..${sep}`)) return undefined
  const path = folded(`/${below}`)
  const start = folded(home)
  if (isWithin(start, path)) return '/'
  if (!isWithin(path, start)) return undefined
  return start === '/' ? path : path.slice(start.length)
}

/** Whether a path is the concealed one or below it. */
export function isConcealed(path: string, concealed: string): boolean {
  return isWithin(folded(path), concealed)
}

/** Refuses with `not-found` whatever is at the concealed path or below it. Closing it closes the storage. */
export function concealIn(storage: Storage, concealed: string): Storage {
  const isHere = (path: string): boolean => isConcealed(path, concealed)
  const visible = (path: string): string => {
    if (isHere(path)) throw new StorageError('not-found')
    return path
  }
  const checked = checkPaths(storage, { existing: visible, made: visible })
  return {
    ...checked,
    async *list(path) {
      const entries = checked.list(path)
      if (folded(path) !== parentOf(concealed)) return yield* entries
      const hidden = nameOf(concealed)
      for await (const batch of entries) yield batch.filter(({ name }) => folded(name) !== hidden)
    },
    async rename(from, to, replacing) {
      // With a directory above it, it would be somewhere else.
      if (isWithin(concealed, folded(from)) && !isHere(from)) throw new StorageError('forbidden')
      await checked.rename(from, to, replacing)
    },
    async removeTree(path, watch) {
      if (isWithin(concealed, folded(path)) && !isHere(path)) throw new StorageError('forbidden')
      await checked.removeTree(path, watch)
    },
  }
}

/** Volumes may take capitals and small letters for the same. */
function folded(path: string): string {
  return path.normalize('NFC').toLowerCase()
}
