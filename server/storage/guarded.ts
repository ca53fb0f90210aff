/** A storage within what a user may do: the one place where permissions are enforced, on the very path that is used. */
import { allows, permissionsAt } from '../auth/permissions.ts'
import type { User } from '../config/configuration.ts'
import { type Permission, permissionWords } from '../config/schema/permissions.ts'
import { isWithin } from './path.ts'
import {
  type Entry,
  isStorageError,
  type ReadableFile,
  type Storage,
  StorageError,
  type WritableFile,
  type WriteMode,
} from './storage.ts'
import { writeUnique } from './unique.ts'

/** Refuses with `forbidden` what the user may not do. Closing it closes the storage. */
export function guardStorage(storage: Storage, user: User): Storage {
  return new GuardedStorage(storage, user)
}

/** For local storage: a path through symbolic links may be used if the user may do as much where it really is. */
export function mayLead(user: User, path: string, target: string): boolean {
  return permissionWords.every(permission => allows(user, permission, target) || !allows(user, permission, path))
}

class GuardedStorage implements Storage {
  readonly #storage: Storage
  readonly #user: User

  constructor(storage: Storage, user: User) {
    this.#storage = storage
    this.#user = user
  }

  /** Needs any permission at the path, or at one below it: who may only upload must be able to go there. */
  async stat(path: string): Promise<Entry> {
    const reachable = this.#user.paths.some(rule => rule.permissions.size > 0 && isWithin(rule.path, path))
    if (!reachable && permissionsAt(this.#user, path).size === 0) throw new StorageError('forbidden')
    return await this.#storage.stat(path)
  }

  /** Only who may go on with an upload is told where. */
  async statForResume(path: string): Promise<Entry> {
    if (!this.#may('append', path)) return await this.stat(path)
    return await this.#storage.statForResume(path, this.#refusals(path).overwriting)
  }

  list(path: string): AsyncIterable<readonly Entry[]> {
    this.#need('list', path)
    return this.#storage.list(path)
  }

  async read(path: string, offset: number): Promise<ReadableFile> {
    this.#need('download', path)
    return await this.#storage.read(path, offset)
  }

  async write(path: string, mode: WriteMode): Promise<WritableFile> {
    // Name by name, since the user's paths may hold one of them.
    if (mode.kind === 'unique') return await writeUnique(this, path)
    if (mode.kind === 'append' || mode.kind === 'resume') {
      if (mode.kind === 'append' && !this.#may('append', path)) return await this.#create(path)
      this.#need('append', path)
      return await this.#storage.write(path, { ...mode, ...this.#refusals(path) })
    }
    this.#need('upload', path)
    if (mode.kind === 'replace' && !this.#may('overwrite', path)) return await this.#create(path)
    return await this.#storage.write(path, mode)
  }

  /** Needs the permission at both ends, and `overwrite` where a file is replaced. A directory takes what is below it along: the permission is needed there as well. */
  async rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    for (const path of [from, to]) {
      this.#need('rename', path)
      const below = this.#user.paths.filter(rule => isWithin(rule.path, path))
      if (!below.every(rule => rule.permissions.has('rename'))) throw new StorageError('forbidden')
    }
    if (replacing === 'refused' || this.#may('overwrite', to)) return await this.#storage.rename(from, to, replacing)
    await existingForbidden(this.#storage.rename(from, to, 'refused'))
  }

  async removeFile(path: string): Promise<void> {
    this.#need('delete', path)
    await this.#storage.removeFile(path)
  }

  async removeDirectory(path: string): Promise<void> {
    this.#need('rmdir', path)
    await this.#storage.removeDirectory(path)
  }

  async makeDirectory(path: string): Promise<void> {
    this.#need('mkdir', path)
    await this.#storage.makeDirectory(path)
  }

  /** Needs no permission: it tells of nothing but room. */
  async checkRoom(directory: string, bytes: number): Promise<void> {
    await this.#storage.checkRoom(directory, bytes)
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.#need('chmod', path)
    await this.#storage.setMode(path, mode)
  }

  async setModified(path: string, modified: number): Promise<number> {
    this.#need('mtime', path)
    return await this.#storage.setModified(path, modified)
  }

  close(): Promise<void> {
    return this.#storage.close()
  }

  #may(permission: Permission, path: string): boolean {
    return allows(this.#user, permission, path)
  }

  #need(permission: Permission, path: string): void {
    if (!this.#may(permission, path)) throw new StorageError('forbidden')
  }

  async #create(path: string): Promise<WritableFile> {
    this.#need('upload', path)
    return await existingForbidden(this.#storage.write(path, { kind: 'create' }))
  }

  #refusals(path: string): { creating?: 'refused'; overwriting?: 'refused' } {
    return {
      ...(!this.#may('upload', path) && { creating: 'refused' }),
      ...(!this.#may('overwrite', path) && { overwriting: 'refused' }),
    }
  }
}

/** Who may not overwrite is not told what exists either. */
async function existingForbidden<Result>(operation: Promise<Result>): Promise<Result> {
  try {
    return await operation
  } catch (error) {
    throw isStorageError(error, 'exists') ? new StorageError('forbidden', { cause: error }) : error
  }
}
