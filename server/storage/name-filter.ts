/** Names that are hidden or denied by pattern, whoever may do what. Over whole names, in capitals or small letters. */

import { checkPaths } from './checked-paths.ts'
import { compilePattern } from './glob.ts'
import { joinPath, nameOf, namesOf } from './path.ts'
import { type Storage, StorageError, type StorageErrorKind, type Watch } from './storage.ts'

export type NamePatterns = {
  /** Not listed, but there for whoever knows the name. */
  readonly hide: readonly string[]
  /** As if they were not there, and none can be made. */
  readonly deny: readonly string[]
}

export type NameFilter = {
  readonly hides: (name: string) => boolean
  /** Whether a name on the way to the path is denied, or its own. */
  readonly denies: (path: string) => boolean
}

/** Undefined if there is nothing to filter. Patterns have at most 256 characters. */
export function nameFilter(patterns: readonly (NamePatterns | undefined)[]): NameFilter | undefined {
  if (patterns.every(isEmpty)) return undefined
  const hidden = matcherOf(patterns.flatMap(each => each?.hide ?? []))
  const denied = matcherOf(patterns.flatMap(each => each?.deny ?? []))
  return {
    hides: name => hidden?.(name) === true,
    denies: path => denied !== undefined && namesOf(path).some(denied),
  }
}

function isEmpty(patterns: NamePatterns | undefined): boolean {
  return patterns === undefined || (patterns.hide.length === 0 && patterns.deny.length === 0)
}

/** Refuses with `not-found` or `forbidden` what is denied, and lists neither that nor what is hidden. Closing it closes the storage. */
export function filterNames(storage: Storage, filter: NameFilter): Storage {
  const { hides, denies } = filter
  const checked = checkPaths(storage, {
    existing: path => unlessDenied(path, 'not-found'),
    made: path => unlessDenied(path, 'forbidden'),
  })
  return {
    ...checked,
    async *list(path) {
      for await (const batch of checked.list(path)) {
        yield batch.filter(({ name }) => !hides(name) && !denies(joinPath('/', name)))
      }
    },
    /** What is denied stays, and with it the directories it is in: then nothing is removed. */
    async removeTree(path, watch) {
      if (await holdsDenied(storage, unlessDenied(path, 'not-found'), filter, watch))
        throw new StorageError('not-empty')
      await storage.removeTree(path, watch)
    },
  }

  function unlessDenied(path: string, kind: StorageErrorKind): string {
    if (denies(path)) throw new StorageError(kind)
    return path
  }
}

function matcherOf(patterns: readonly string[]): ((name: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined
  // Windows opens `a.EXE` and `a.exe` alike: who denies the one means the other.
  const matchers = patterns.map(pattern => compilePattern(folded(pattern), 'matched'))
  return name => {
    const text = folded(name)
    return matchers.some(matches => matches(text))
  }
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

async function holdsDenied(storage: Storage, path: string, { denies }: NameFilter, watch: Watch): Promise<boolean> {
  const directories: string[] = [path]
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for await (const batch of storage.list(directory)) {
      if (watch.signal.aborted) throw new StorageError('failed')
      for (const { name, type, linkTarget } of batch) {
        const entry = joinPath(directory, name)
        if (denies(`/${nameOf(entry)}`)) return true
        // What a link leads to stays.
        if (type === 'directory' && linkTarget === undefined) directories.push(entry)
      }
    }
  }
  return false
}
