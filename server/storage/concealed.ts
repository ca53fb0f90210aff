/** A storage in which a directory of the server's own is as if it were not there: no user sees, reads or writes what is in it. */
import { relative, sep } from 'node:path'
import { isWithin, nameOf, parentOf } from './path.ts'
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
  return new ConcealingStorage(storage, concealed)
}

class ConcealingStorage implements Storage {
  readonly #storage: Storage
  readonly #concealed: string

  constructor(storage: Storage, concealed: string) {
    this.#storage = storage
    this.#concealed = concealed
  }

  async stat(path: string): Promise<Entry> {
    return await this.#storage.stat(this.#visible(path))
  }

  async statForResume(path: string, overwriting?: 'refused'): Promise<Entry> {
    return await this.#storage.statForResume(this.#visible(path), overwriting)
  }

  async *list(path: string): AsyncGenerator<readonly Entry[]> {
    const entries = this.#storage.list(this.#visible(path))
    if (folded(path) !== parentOf(this.#concealed)) return yield* entries
    const hidden = nameOf(this.#concealed)
    for await (const batch of entries) yield batch.filter(({ name }) => folded(name) !== hidden)
  }

  async read(path: string, offset: number): Promise<ReadableFile> {
    return await this.#storage.read(this.#visible(path), offset)
  }

  async write(path: string, mode: WriteMode): Promise<WritableFile> {
    return await this.#storage.write(this.#visible(path), mode)
  }

  async rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    // With a directory above it, it would be somewhere else.
    if (isWithin(this.#concealed, folded(from))) throw new StorageError(this.#isHere(from) ? 'not-found' : 'forbidden')
    await this.#storage.rename(this.#visible(from), this.#visible(to), replacing)
  }

  async removeFile(path: string): Promise<void> {
    await this.#storage.removeFile(this.#visible(path))
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#storage.removeDirectory(this.#visible(path))
  }

  async removeTree(path: string, watch: Watch): Promise<void> {
    if (isWithin(this.#concealed, folded(path)) && !this.#isHere(path)) throw new StorageError('forbidden')
    await this.#storage.removeTree(this.#visible(path), watch)
  }

  async makeDirectory(path: string, permissions?: number): Promise<void> {
    await this.#storage.makeDirectory(this.#visible(path), permissions)
  }

  async makeLink(path: string, target: string): Promise<void> {
    await this.#storage.makeLink(this.#visible(path), this.#visible(target))
  }

  async checkRoom(directory: string, bytes: number): Promise<void> {
    await this.#storage.checkRoom(this.#visible(directory), bytes)
  }

  async room(directory: string): Promise<Room> {
    return await this.#storage.room(this.#visible(directory))
  }

  async setMode(path: string, mode: number): Promise<void> {
    await this.#storage.setMode(this.#visible(path), mode)
  }

  async setModified(path: string, modified: number): Promise<number> {
    return await this.#storage.setModified(this.#visible(path), modified)
  }

  close(): Promise<void> {
    return this.#storage.close()
  }

  #isHere(path: string): boolean {
    return isConcealed(path, this.#concealed)
  }

  #visible(path: string): string {
    if (this.#isHere(path)) throw new StorageError('not-found')
    return path
  }
}

/** Volumes may take capitals and small letters for the same. */
function folded(path: string): string {
  return path.normalize('NFC').toLowerCase()
}
