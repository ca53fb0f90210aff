/** Files in a directory of the operating system. With the files local-*.ts, the only place where users' files are touched. */
import type { Stats } from 'node:fs'
import { concealedPath, concealIn, isConcealed } from './concealed.ts'
import { errnoOf, storageError } from './errno.ts'
import { identityOf, toEntry } from './local-entry.ts'
import { openForReading, openForWriting, type RunningUploads } from './local-file.ts'
import { listEntries } from './local-list.ts'
import type { SystemPath } from './local-pin.ts'
import type { Statx } from './local-statx.ts'
import { chmod, close, link, lstat, mkdir, open, rename, rmdir, stat, unlink, utimes } from './local-system.ts'
import { type MayLead, type Place, symbolicLink, type Trail, Tree } from './local-tree.ts'
import type { Volumes } from './local-volume.ts'
import { joinPath, nameOf, namesOf } from './path.ts'
import {
  type Entry,
  isStorageError,
  type ReadableFile,
  type Storage,
  StorageError,
  type WritableFile,
  type WriteMode,
} from './storage.ts'
import type { SymlinkPolicy } from './symlinks.ts'
import { writeUnique } from './unique.ts'

export { RunningUploads } from './local-file.ts'

export type LocalStorageOptions = {
  /** The server's directory, as an absolute path of the operating system. */
  readonly root: string
  /** The directory below it that is `/` here, as an absolute virtual path; made if it is missing. */
  readonly home: string
  /** One set for all storages of a server: a file is written by one upload at a time. */
  readonly uploads: RunningUploads
  /** Whether a path that goes through symbolic links may be used for where it leads. By default wherever that is inside. */
  readonly mayLead?: MayLead
  /** Where symbolic links may lead; by default to what is inside. */
  readonly symlinks?: SymlinkPolicy
  /** A directory of the server's own, as an absolute path of the operating system: nobody finds it here. */
  readonly concealed?: string | undefined
  /** A quicker way to look at many files; without it, they are looked at through node:fs. */
  readonly statx?: Statx | undefined
  /** One for all storages of a server: what it knows of volumes spares the thread pool. */
  readonly volumes?: Volumes | undefined
}

/** Opens a user's part of the server's directory. The caller closes it. Rejects with a StorageError. */
export async function openLocalStorage({ concealed, ...options }: LocalStorageOptions): Promise<Storage> {
  const { root, home, mayLead = () => true } = options
  const path = concealed === undefined ? undefined : concealedPath(root, home, concealed)
  if (path === undefined) return await openTree(options)
  if (path === '/') throw new StorageError('not-found')
  // Links are followed deeper down: none may lead there.
  const leadsElsewhere: MayLead = (from, target) => !isConcealed(target, path) && mayLead(from, target)
  return concealIn(await openTree({ ...options, mayLead: leadsElsewhere }), path)
}

async function openTree({
  root,
  home,
  uploads,
  mayLead,
  symlinks,
  statx,
  volumes,
}: Omit<LocalStorageOptions, 'concealed'>): Promise<Storage> {
  return await translated(async () => {
    if (home === '/') return new LocalStorage(await Tree.open(root, symlinks, volumes, mayLead), uploads, statx)
    const server = await Tree.open(root, symlinks, volumes)
    try {
      return new LocalStorage(await openHome(server, home, mayLead ?? (() => true)), uploads, statx)
    } finally {
      await server.close()
    }
  })
}

async function openHome(server: Tree, home: string, mayLead: MayLead): Promise<Tree> {
  try {
    return await server.below(home, mayLead)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  let path = '/'
  for (const name of namesOf(home)) {
    path = joinPath(path, name)
    await server.at(path, ({ address }) => mkdir(address, 0o750)).catch(unlessExists)
  }
  return await server.below(home, mayLead)
}

function unlessExists(error: unknown): void {
  if (errnoOf(error) !== 'EEXIST') throw error
}

class LocalStorage implements Storage {
  readonly #tree: Tree
  readonly #uploads: RunningUploads
  readonly #statx: Statx | undefined

  constructor(tree: Tree, uploads: RunningUploads, statx: Statx | undefined) {
    this.#tree = tree
    this.#uploads = uploads
    this.#statx = statx
  }

  async stat(path: string): Promise<Entry> {
    const pinned = this.#tree.pinAtOnce(path)
    if (pinned === undefined) return await this.#statInTurn(path)
    pinned.release()
    return toEntry(nameOf(path), pinned.stats, undefined)
  }

  #statInTurn(path: string): Promise<Entry> {
    const trail: Trail = { links: 0, steps: 0 }
    return translated(() =>
      this.#tree.at(
        path,
        async ({ address, own }) => {
          const stats = await lstat(address)
          return stats.isSymbolicLink() ? symbolicLink : toEntry(nameOf(path), stats, own ? trail.target : undefined)
        },
        trail,
      ),
    )
  }

  async *list(path: string): AsyncGenerator<readonly Entry[]> {
    const directory = await translated(() => this.#tree.pin(path))
    try {
      yield* listEntries(directory, {
        followed: name => this.#statIfThere(joinPath(path, name)),
        statx: this.#statx,
        volume: this.#tree.volumeKindOf(directory),
      })
    } catch (error) {
      throw storageError(error)
    } finally {
      directory.release()
    }
  }

  read(path: string, offset: number): Promise<ReadableFile> {
    return translated(() => this.#tree.at(path, place => openForReading(place, offset, this.#uploads)))
  }

  write(path: string, mode: WriteMode): Promise<WritableFile> {
    if (mode.kind === 'unique') return writeUnique(this, path)
    return translated(async () => {
      const file = await this.#tree.at(path, place => openForWriting(place, mode, this.#uploads))
      return file
    })
  }

  rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    return translated(async () => {
      refuseRoot(from)
      refuseRoot(to)
      await this.#tree.at(from, source => this.#tree.at(to, target => this.#move(source, target, replacing)))
    })
  }

  removeFile(path: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      await this.#tree.at(path, async ({ address }) => {
        await this.#refuseRunningUpload(await lstat(address))
        await unlink(address)
      })
    })
  }

  removeDirectory(path: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      await this.#tree.at(path, ({ address }) => rmdir(address))
    })
  }

  makeDirectory(path: string): Promise<void> {
    return translated(async () => {
      if (path === '/') throw new StorageError('exists')
      await this.#tree.at(path, async ({ address }) => {
        await mkdir(address, 0o777)
      })
    })
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#withObject(path, async (self, stats) => {
      // As GNU chmod does, a directory keeps its setgid bit: volumes of Kubernetes (fsGroup) need it.
      const kept = stats.isDirectory() ? stats.mode & 0o7000 : 0
      await chmod(self, kept | (mode & 0o777))
    })
  }

  setModified(path: string, modified: number): Promise<number> {
    return this.#withObject(path, async (self, stats) => {
      await utimes(self, stats.atimeMs / 1000, toSeconds(modified))
      // Not every file system keeps milliseconds.
      return Math.floor((await stat(self)).mtimeMs)
    })
  }

  close(): Promise<void> {
    return this.#tree.close()
  }

  /** For changes of metadata: on the object itself, which may be unreadable. */
  #withObject<Result>(path: string, change: (self: SystemPath, stats: Stats) => Promise<Result>): Promise<Result> {
    return translated(async () => {
      const pinned = await this.#tree.pin(path)
      const { self, stats } = pinned
      try {
        if (!stats.isFile() && !stats.isDirectory()) throw new StorageError('not-a-file')
        return await change(self, stats)
      } finally {
        pinned.release()
      }
    })
  }

  async #statIfThere(path: string): Promise<Entry | undefined> {
    try {
      return await this.stat(path)
    } catch (error) {
      if (hiddenLinks.some(kind => isStorageError(error, kind))) return undefined
      throw error
    }
  }

  async #move(source: Place, target: Place, replacing: 'refused' | undefined): Promise<void> {
    const moved = await lstat(source.address)
    const existing = await lstatIfThere(target.address)
    if (existing !== undefined) {
      if (identityOf(existing) === identityOf(moved) && source.path === target.path) return
      if (moved.isDirectory() || existing.isDirectory() || replacing === 'refused') throw new StorageError('exists')
      await this.#refuseRunningUpload(existing)
    }
    // A directory can only take the place of an empty one, however the target changes meanwhile.
    if (replacing === undefined || moved.isDirectory()) await rename(source.address, target.address)
    else await moveToFreeName(source.address, target.address)
  }

  async #refuseRunningUpload(stats: Stats): Promise<void> {
    if (await this.#uploads.claims.has(identityOf(stats))) throw new StorageError('busy')
  }
}

/** Links that lead nowhere, outside or to where the user may not go are not shown. */
const hiddenLinks = ['not-found', 'not-a-directory', 'forbidden', 'busy'] as const

/** node:fs has no RENAME_NOREPLACE: a second name is made, which fails if it exists, and then the first is removed. */
async function moveToFreeName(from: SystemPath, to: SystemPath): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!noHardLinks.includes(errnoOf(error) ?? '')) throw error
    // Where there are no hard links, the name is taken first, by an empty file of ours.
    await close(await open(to, 'wx'))
    await rename(from, to)
    return
  }
  await unlink(from)
}

const noHardLinks: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

async function lstatIfThere(address: SystemPath): Promise<Stats | undefined> {
  try {
    return await lstat(address)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function refuseRoot(path: string): void {
  if (path === '/') throw new StorageError('forbidden')
}

/** utimes takes seconds as a fraction: half a microsecond more keeps a millisecond from being rounded down to the one before. */
function toSeconds(milliseconds: number): number {
  return milliseconds % 1000 === 0 ? milliseconds / 1000 : milliseconds / 1000 + 5e-7
}

async function translated<Result>(operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (error) {
    throw storageError(error)
  }
}
