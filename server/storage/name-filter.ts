/** Names that are hidden or denied by pattern, whoever may do what. Over whole names, in capitals or small letters. */
import { compilePattern } from '../listing/glob.ts'
import { joinPath, nameOf, namesOf } from './path.ts'
import {
  type Entry,
  type ReadableFile,
  type Room,
  type Storage,
  StorageError,
  type Watch,
  type WritableFile,
  type WriteMode,
} from './storage.ts'

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
  const hidden = matcherOf(patterns.flatMap(each => each?.hide ?? []))
  const denied = matcherOf(patterns.flatMap(each => each?.deny ?? []))
  if (hidden === undefined && denied === undefined) return undefined
  return {
    hides: name => hidden?.(name) === true,
    denies: path => denied !== undefined && namesOf(path).some(denied),
  }
}

/** Refuses with `not-found` or `forbidden` what is denied, and lists neither that nor what is hidden. Closing it closes the storage. */
export function filterNames(storage: Storage, filter: NameFilter): Storage {
  return new FilteringStorage(storage, filter)
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

class FilteringStorage implements Storage {
  readonly #storage: Storage
  readonly #filter: NameFilter

  constructor(storage: Storage, filter: NameFilter) {
    this.#storage = storage
    this.#filter = filter
  }

  async stat(path: string): Promise<Entry> {
    return await this.#storage.stat(this.#there(path))
  }

  async statForResume(path: string, overwriting?: 'refused'): Promise<Entry> {
    return await this.#storage.statForResume(this.#there(path), overwriting)
  }

  async *list(path: string): AsyncGenerator<readonly Entry[]> {
    const { hides, denies } = this.#filter
    for await (const batch of this.#storage.list(this.#there(path))) {
      yield batch.filter(({ name }) => !hides(name) && !denies(joinPath('/', name)))
    }
  }

  async read(path: string, offset: number): Promise<ReadableFile> {
    return await this.#storage.read(this.#there(path), offset)
  }

  async write(path: string, mode: WriteMode): Promise<WritableFile> {
    return await this.#storage.write(this.#allowed(path), mode)
  }

  async rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    await this.#storage.rename(this.#there(from), this.#allowed(to), replacing)
  }

  async removeFile(path: string): Promise<void> {
    await this.#storage.removeFile(this.#there(path))
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#storage.removeDirectory(this.#there(path))
  }

  /** What is denied stays, and with it the directories it is in: then nothing is removed. */
  async removeTree(path: string, watch: Watch): Promise<void> {
    if (await this.#holdsDenied(this.#there(path), watch)) throw new StorageError('not-empty')
    await this.#storage.removeTree(path, watch)
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#storage.makeDirectory(this.#allowed(path))
  }

  async makeLink(path: string, target: string): Promise<void> {
    await this.#storage.makeLink(this.#allowed(path), this.#there(target))
  }

  async checkRoom(directory: string, bytes: number): Promise<void> {
    await this.#storage.checkRoom(this.#there(directory), bytes)
  }

  async room(directory: string): Promise<Room> {
    return await this.#storage.room(this.#there(directory))
  }

  async setMode(path: string, mode: number): Promise<void> {
    await this.#storage.setMode(this.#there(path), mode)
  }

  async setModified(path: string, modified: number): Promise<number> {
    return await this.#storage.setModified(this.#there(path), modified)
  }

  close(): Promise<void> {
    return this.#storage.close()
  }

  #there(path: string): string {
    if (this.#filter.denies(path)) throw new StorageError('not-found')
    return path
  }

  /** For what is to be made. */
  #allowed(path: string): string {
    if (this.#filter.denies(path)) throw new StorageError('forbidden')
    return path
  }

  async #holdsDenied(path: string, watch: Watch): Promise<boolean> {
    const directories: string[] = [path]
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      for await (const batch of this.#storage.list(directory)) {
        if (watch.signal.aborted) throw new StorageError('failed')
        for (const { name, type, linkTarget } of batch) {
          const entry = joinPath(directory, name)
          if (this.#filter.denies(`/${nameOf(entry)}`)) return true
          // What a link leads to stays.
          if (type === 'directory' && linkTarget === undefined) directories.push(entry)
        }
      }
    }
    return false
  }
}
