/** Virtual folders: other storages at paths of a user's tree. Which storage has a path is decided by the path alone. */
import { after } from '../at-once.ts'
import { isWithin, joinPath, nameOf, parentOf } from './path.ts'
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

export type Folder = {
  /** Where users see it; not `/`. */
  readonly path: string
  /** Called when the folder is used first, and again after it has failed. Rejects with a StorageError. */
  readonly open: () => Promise<Storage>
}

/**
 * The storage with folders in it. They and the directories above them are always there: they can't be removed, renamed or
 * replaced, and what the storage has at their paths is not seen. Closing it closes all of them.
 */
export function withFolders(storage: Storage, folders: readonly Folder[]): Storage {
  return folders.length === 0 ? storage : new FolderStorage(storage, folders)
}

type Where = { readonly storage: Storage; readonly path: string; readonly mount: Mount | undefined }

/** One folder, opened once it is needed: a volume that is missing is no reason not to log in. */
class Mount {
  readonly path: string
  readonly #open: () => Promise<Storage>
  #opening: Promise<Storage> | undefined
  #opened: Storage | undefined

  constructor({ path, open }: Folder) {
    this.path = path
    this.#open = open
  }

  get storage(): Storage | Promise<Storage> {
    if (this.#opened !== undefined) return this.#opened
    this.#opening ??= this.#open().then(
      opened => {
        this.#opened = opened
        return opened
      },
      (error: unknown) => {
        this.#opening = undefined
        throw error
      },
    )
    return this.#opening
  }

  async close(): Promise<void> {
    const storage = await this.#opening?.catch(() => undefined)
    await storage?.close()
  }
}

class FolderStorage implements Storage {
  readonly #home: Storage
  /** The longest path first. */
  readonly #mounts: readonly Mount[]

  constructor(home: Storage, folders: readonly Folder[]) {
    this.#home = home
    this.#mounts = folders
      .map(folder => new Mount(folder))
      .toSorted((one, other) => other.path.length - one.path.length)
  }

  async stat(path: string): Promise<Entry> {
    const { storage, path: inner, mount } = await this.#where(path)
    if (!this.#isFixed(path)) return await storage.stat(inner)
    if (mount?.path === path) return { ...(await storage.stat('/')), name: nameOf(path), fixed: true }
    return await this.#statAbove(path)
  }

  async statForResume(path: string, overwriting?: 'refused'): Promise<Entry> {
    if (this.#isFixed(path)) return await this.stat(path)
    const { storage, path: inner } = await this.#where(path)
    return await storage.statForResume(inner, overwriting)
  }

  async *list(path: string): AsyncGenerator<readonly Entry[]> {
    const fixed = this.#fixedIn(path)
    const { storage, path: inner, mount } = await this.#where(path)
    // What is above a folder need not be there by itself.
    const isVirtual = mount?.path !== path && this.#isFixed(path) && !(await isDirectory(storage, inner))
    if (!isVirtual) {
      for await (const batch of storage.list(inner)) {
        yield fixed.size === 0 ? batch : batch.filter(({ name }) => !fixed.has(name))
      }
    }
    const entries: Entry[] = []
    for (const name of fixed) {
      // One whose volume is not there is not listed; who goes there learns why.
      const entry = await this.stat(joinPath(path, name)).catch(unlessStorageError)
      if (entry !== undefined) entries.push(entry)
    }
    if (entries.length > 0) yield entries
  }

  read(path: string, offset: number): ReadableFile | Promise<ReadableFile> {
    if (this.#isFixed(path)) throw new StorageError('not-a-file')
    return after(this.#where(path), ({ storage, path: inner }) => storage.read(inner, offset))
  }

  write(path: string, mode: WriteMode): WritableFile | Promise<WritableFile> {
    if (this.#isFixed(path)) throw new StorageError(mode.kind === 'create' ? 'exists' : 'not-a-file')
    return after(this.#where(path), where => {
      const opening = where.storage.write(where.path, mode)
      if (where.mount === undefined) return opening
      return after(opening, file => shownAt(file, this.#outer(where, file.path)))
    })
  }

  async rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    if (this.#isFixed(from) || this.#isFixed(to)) throw new StorageError('forbidden')
    const [source, target] = [await this.#where(from), await this.#where(to)]
    if (source.storage !== target.storage) throw new StorageError('not-supported')
    await source.storage.rename(source.path, target.path, replacing)
  }

  async removeFile(path: string): Promise<void> {
    if (this.#isFixed(path)) throw new StorageError('not-a-file')
    const { storage, path: inner } = await this.#where(path)
    await storage.removeFile(inner)
  }

  async removeDirectory(path: string): Promise<void> {
    const { storage, path: inner } = await this.#movable(path)
    await storage.removeDirectory(inner)
  }

  async removeTree(path: string, watch: Watch): Promise<void> {
    const { storage, path: inner } = await this.#movable(path)
    await storage.removeTree(inner, watch)
  }

  async makeDirectory(path: string, permissions?: number): Promise<void> {
    if (this.#isFixed(path)) throw new StorageError('exists')
    const { storage, path: inner } = await this.#where(path)
    await storage.makeDirectory(inner, permissions)
  }

  async makeLink(path: string, target: string): Promise<void> {
    if (this.#isFixed(path)) throw new StorageError('exists')
    const [from, to] = [await this.#where(path), await this.#where(target)]
    // A link that leads out of its storage leads nowhere, and one to a folder's place to what the folder covers.
    const leadsOut = from.storage !== to.storage || (this.#isFixed(target) && to.mount?.path !== target)
    if (leadsOut) throw new StorageError('not-supported')
    await from.storage.makeLink(from.path, to.path)
  }

  async checkRoom(directory: string, bytes: number): Promise<void> {
    const { storage, path } = await this.#where(directory)
    await storage.checkRoom(path, bytes)
  }

  async room(directory: string): Promise<Room> {
    const where = await this.#where(directory)
    const room = await where.storage.room(where.path)
    return {
      ...room,
      quotas: room.quotas.map(quota => ({
        ...quota,
        directory: quota.directory === undefined ? undefined : this.#outer(where, quota.directory),
      })),
    }
  }

  async setMode(path: string, mode: number): Promise<void> {
    const { storage, path: inner } = await this.#movable(path)
    await storage.setMode(inner, mode)
  }

  async setModified(path: string, modified: number): Promise<number> {
    const { storage, path: inner } = await this.#movable(path)
    return await storage.setModified(inner, modified)
  }

  async close(): Promise<void> {
    await Promise.all([this.#home.close(), ...this.#mounts.map(mount => mount.close())])
  }

  #where(path: string): Where | Promise<Where> {
    const mount = this.#mounts.find(each => isWithin(path, each.path))
    if (mount === undefined) return { storage: this.#home, path, mount }
    return after(mount.storage, storage => ({ storage, path: path.slice(mount.path.length) || '/', mount }))
  }

  async #movable(path: string): Promise<Where> {
    if (this.#isFixed(path)) throw new StorageError('forbidden')
    return await this.#where(path)
  }

  #outer({ mount }: Where, path: string): string {
    if (mount === undefined) return path
    return path === '/' ? mount.path : `${mount.path}${path}`
  }

  /** Whether the path is that of a folder, or above one; `/` is above all. */
  #isFixed(path: string): boolean {
    return path !== '/' && this.#mounts.some(mount => isWithin(mount.path, path))
  }

  /** Names in a directory that are those of folders, or on the way to one. */
  #fixedIn(directory: string): ReadonlySet<string> {
    const prefix = joinPath(directory, '')
    const below = this.#mounts.filter(mount => mount.path !== directory && isWithin(mount.path, directory))
    return new Set(below.map(mount => mount.path.slice(prefix.length).split('/', 1)[0] ?? ''))
  }

  /** A directory on the way to a folder: as it is, or as the one above it where it is not there. */
  async #statAbove(path: string): Promise<Entry> {
    const { storage, path: inner } = await this.#where(path)
    const own = await storage.stat(inner).catch(unlessStorageError)
    if (own?.type === 'directory') return { ...own, fixed: true }
    const above = await this.stat(parentOf(path))
    return { ...above, name: nameOf(path), unique: `${above.unique}/${nameOf(path)}`, fixed: true }
  }
}

async function isDirectory(storage: Storage, path: string): Promise<boolean> {
  const entry = await storage.stat(path).catch(unlessStorageError)
  return entry?.type === 'directory'
}

function unlessStorageError(error: unknown): undefined {
  if (!(error instanceof StorageError)) throw error
  return undefined
}

/** The same file under the path that the user sees. */
function shownAt(file: WritableFile, path: string): WritableFile {
  const { absorb, copyFrom } = file
  return {
    path,
    write: bytes => file.write(bytes),
    ...(absorb !== undefined && { absorb: absorb.bind(file) }),
    ...(copyFrom !== undefined && { copyFrom: copyFrom.bind(file) }),
    finish: () => file.finish(),
    abandon: () => file.abandon(),
  }
}
