/** A storage within what a user may do: the one place where permissions are enforced, on the very path that is used. */
import { allows, permissionsAt } from '../auth/permissions.ts'
import type { User } from '../config/configuration.ts'
import { type Permission, permissionWords } from '../config/schema/permissions.ts'
import { appendFiles } from './append-files.ts'
import { copyFile } from './copy-file.ts'
import { isWithin } from './path.ts'
import {
  type Entry,
  isStorageError,
  type ReadableFile,
  type Room,
  type Storage,
  StorageError,
  type Watch,
  type WritableFile,
  type WriteMode,
} from './storage.ts'
import { writeUnique } from './unique.ts'

/** What a command is going to do at a path; `all`: also at whatever is below it. */
export type Need = { readonly permission: Permission; readonly path: string; readonly reach?: 'all' }

/** Of what is made of other files: watched, and with permission bits as for an upload. */
export type Copying = Watch & Pick<WriteMode, 'permissions'>

/** A storage as a user has it. */
export interface UserStorage extends Storage {
  /** Copies a file, as copy-file.ts has it. */
  copyFile(from: string, to: string, copying: Copying): Promise<void>
  /** Appends files to a file, as append-files.ts has it. */
  appendFiles(target: string, parts: readonly string[], copying: Copying): Promise<void>
  /** Throws `forbidden` unless the user may do all of it: for commands of several steps, of which none is to be taken then. Each step is checked nevertheless. */
  demand(needs: readonly Need[]): void
}

/** What a user has done to files and directories without a transfer; paths as the user sees them. */
export type FileChange =
  | { readonly kind: 'removed'; readonly path: string; readonly entry: 'file' | 'directory' }
  | { readonly kind: 'renamed'; readonly from: string; readonly to: string }
  /** From one file, or put together from several. */
  | { readonly kind: 'copied'; readonly from: string | readonly string[]; readonly to: string }

/** Told of what was done, before the client is. */
export type OnFileChange = (change: FileChange) => Promise<void> | undefined

/** Refuses with `forbidden` what the user may not do. Closing it closes the storage. */
export function guardStorage(storage: Storage, user: User, onChange?: OnFileChange): UserStorage {
  return new GuardedStorage(storage, user, onChange)
}

/** For local storage: a path through symbolic links may be used if the user may do as much where it really is. */
export function mayLead(user: User, path: string, target: string): boolean {
  return permissionWords.every(permission => allows(user, permission, target) || !allows(user, permission, path))
}

class GuardedStorage implements UserStorage {
  readonly #storage: Storage
  readonly #user: User
  readonly #onChange: OnFileChange | undefined

  constructor(storage: Storage, user: User, onChange: OnFileChange | undefined) {
    this.#storage = storage
    this.#user = user
    this.#onChange = onChange
  }

  demand(needs: readonly Need[]): void {
    for (const { permission, path, reach } of needs) {
      this.#need(permission, path)
      if (reach === 'all') this.#needBelow(permission, path)
    }
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

  read(path: string, offset: number): ReadableFile | Promise<ReadableFile> {
    this.#need('download', path)
    return this.#storage.read(path, offset)
  }

  write(path: string, wanted: WriteMode): WritableFile | Promise<WritableFile> {
    const asWanted = wanted.permissions === undefined || this.#may('chmod', path)
    const mode = asWanted ? wanted : { ...wanted, permissions: undefined }
    // Name by name, since the user's paths may hold one of them.
    if (mode.kind === 'unique') return writeUnique(this, path, mode.permissions)
    if (mode.kind === 'append' || mode.kind === 'resume') {
      if (mode.kind === 'append' && !this.#may('append', path)) return this.#create(path, mode.permissions)
      this.#need('append', path)
      return this.#storage.write(path, { ...mode, ...this.#refusals(path) })
    }
    this.#need('upload', path)
    if (mode.kind === 'replace' && !this.#may('overwrite', path)) return this.#create(path, mode.permissions)
    return this.#storage.write(path, mode)
  }

  /** Needs the permission at both ends, and `overwrite` where a file is replaced. A directory takes what is below it along: the permission is needed there as well. */
  async rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    for (const path of [from, to]) {
      this.#need('rename', path)
      this.#needBelow('rename', path)
    }
    if (replacing === 'refused' || this.#may('overwrite', to)) await this.#storage.rename(from, to, replacing)
    else await existingForbidden(() => this.#storage.rename(from, to, 'refused'))
    await this.#onChange?.({ kind: 'renamed', from, to })
  }

  async copyFile(from: string, to: string, copying: Copying): Promise<void> {
    await copyFile(this, from, to, copying)
    await this.#onChange?.({ kind: 'copied', from, to })
  }

  async appendFiles(target: string, parts: readonly string[], copying: Copying): Promise<void> {
    await appendFiles(this, target, parts, copying)
    await this.#onChange?.({ kind: 'copied', from: parts, to: target })
  }

  async removeFile(path: string): Promise<void> {
    this.#need('delete', path)
    await this.#storage.removeFile(path)
    await this.#onChange?.({ kind: 'removed', path, entry: 'file' })
  }

  async removeDirectory(path: string): Promise<void> {
    this.#need('rmdir', path)
    await this.#storage.removeDirectory(path)
    await this.#onChange?.({ kind: 'removed', path, entry: 'directory' })
  }

  /** Needs both permissions at the path and at all that is below it. */
  async removeTree(path: string, watch: Watch): Promise<void> {
    this.demand([
      { permission: 'delete', path, reach: 'all' },
      { permission: 'rmdir', path, reach: 'all' },
    ])
    await this.#storage.removeTree(path, watch)
    await this.#onChange?.({ kind: 'removed', path, entry: 'directory' })
  }

  /** Who may not change permission bits gets those that the process gives. */
  async makeDirectory(path: string, permissions?: number): Promise<void> {
    this.#need('mkdir', path)
    await this.#storage.makeDirectory(path, this.#may('chmod', path) ? permissions : undefined)
  }

  /** Who may not do as much at the target as where the link is could not use it. */
  async makeLink(path: string, target: string): Promise<void> {
    this.#need('symlink', path)
    await this.stat(target)
    if (!mayLead(this.#user, path, target)) throw new StorageError('forbidden')
    await this.#storage.makeLink(path, target)
  }

  /** Needs no permission: it tells of nothing but room. */
  async checkRoom(directory: string, bytes: number): Promise<void> {
    await this.#storage.checkRoom(directory, bytes)
  }

  /** As little. */
  async room(directory: string): Promise<Room> {
    return await this.#storage.room(directory)
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

  #needBelow(permission: Permission, path: string): void {
    const below = this.#user.paths.filter(rule => isWithin(rule.path, path))
    if (!below.every(rule => rule.permissions.has(permission))) throw new StorageError('forbidden')
  }

  async #create(path: string, permissions: number | undefined): Promise<WritableFile> {
    this.#need('upload', path)
    return await existingForbidden(() => this.#storage.write(path, { kind: 'create', permissions }))
  }

  #refusals(path: string): { creating?: 'refused'; overwriting?: 'refused' } {
    return {
      ...(!this.#may('upload', path) && { creating: 'refused' }),
      ...(!this.#may('overwrite', path) && { overwriting: 'refused' }),
    }
  }
}

/** Who may not overwrite is not told what exists either. */
async function existingForbidden<Result>(operation: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (error) {
    throw isStorageError(error, 'exists') ? new StorageError('forbidden', { cause: error }) : error
  }
}
