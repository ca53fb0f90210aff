/** Files in a directory of the operating system. With the files local-*.ts, the only place where users' files are touched. */
import type { Stats } from 'node:fs'
import { concealedPath, concealIn, isConcealed } from './concealed.ts'
import { errnoOf, storageError } from './errno.ts'
import { nameClaim, openBeside } from './local-atomic.ts'
import { identityOf, toEntry } from './local-entry.ts'
import {
  openForReading,
  openForReadingAtOnce,
  openForWriting,
  type RunningUploads,
  type UploadSettings,
} from './local-file.ts'
import type { Getdents } from './local-getdents.ts'
import { makeLink } from './local-link.ts'
import { listEntries } from './local-list.ts'
import { lstatIfThere, moveToFreeName, unlinkIfThere } from './local-names.ts'
import type { SystemPath } from './local-pin.ts'
import { Counting, type QuotaSettings } from './local-quota.ts'
import { refuseRunning, removeTree } from './local-remove-tree.ts'
import { roomIn } from './local-room.ts'
import { removePartials } from './local-stale.ts'
import type { Statx } from './local-statx.ts'
import { syncDirectory } from './local-sync.ts'
import { chmod, lstat, mkdir, rename, rmdir, stat, unlink, utimes } from './local-system.ts'
import { type MayLead, type Place, symbolicLink, type Trail, Tree } from './local-tree.ts'
import { usageIn } from './local-usage.ts'
import type { Volumes } from './local-volume.ts'
import { partialName, targetHash } from './partials.ts'
import { joinPath, nameOf, namesOf, parentOf } from './path.ts'
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
import type { SymlinkPolicy } from './symlinks.ts'
import { writeUnique } from './unique.ts'
import { type Errand, inTurn } from './volume-gate.ts'

export { RunningUploads } from './local-file.ts'

export type LocalStorageOptions = {
  /** The server's directory, as an absolute path of the operating system. */
  readonly root: string
  /** The directory below it that is `/` here, as an absolute virtual path; made if it is missing. */
  readonly home: string
  /** One set for all storages of a server: a file is written by one upload at a time. */
  readonly uploads: RunningUploads
  /** By default uploads are written in place, and not synced. */
  readonly uploading?: UploadSettings | undefined
  /** Where there are any: what is outside of the root does not count. */
  readonly quotas?: QuotaSettings | undefined
  /** Whether a path that goes through symbolic links may be used for where it leads. By default wherever that is inside. */
  readonly mayLead?: MayLead
  /** Where symbolic links may lead; by default to what is inside. */
  readonly symlinks?: SymlinkPolicy
  /** A directory of the server's own, as an absolute path of the operating system: nobody finds it here. */
  readonly concealed?: string | undefined
  /** A quicker way to look at many files; without it, they are looked at through node:fs. */
  readonly statx?: Statx | undefined
  /** A quicker way to read directories; without it, they are read through node:fs. */
  readonly getdents?: Getdents | undefined
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

async function openTree(options: Omit<LocalStorageOptions, 'concealed'>): Promise<Storage> {
  const { root, home, mayLead, symlinks, volumes, uploading = plainUploads } = options
  const settings: LocalSettings = {
    uploads: options.uploads,
    uploading,
    quotas: options.quotas,
    statx: options.statx,
    getdents: options.getdents,
  }
  return await translated(async () => {
    if (home === '/') return new LocalStorage(await Tree.open(root, symlinks, volumes, mayLead), settings)
    // A home may be on a volume of its own.
    const [mount = ''] = namesOf(home)
    const gate = volumes?.gates?.ofDirectory(`${root}${home}`, `${root}/${mount}`)
    const server = await Tree.open(root, symlinks, volumes, undefined, gate)
    const place = { home, where: `${root}${home}` }
    try {
      return new LocalStorage(await openHome(server, place, mayLead ?? (() => true), uploading), settings)
    } finally {
      await server.close()
    }
  })
}

const plainUploads: UploadSettings = { mode: 'direct', durability: 'none', user: '' }

async function openHome(
  server: Tree,
  { home, where }: { readonly home: string; readonly where: string },
  mayLead: MayLead,
  uploading: UploadSettings,
): Promise<Tree> {
  try {
    return await server.below(home, where, mayLead)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  let path = '/'
  for (const name of namesOf(home)) {
    path = joinPath(path, name)
    await server.at(path, place => makeDirectoryAt(place, 0o750, uploading)).catch(unlessExists)
  }
  return await server.below(home, where, mayLead)
}

async function makeDirectoryAt({ address, directory }: Place, mode: number, { durability }: UploadSettings) {
  await mkdir(address, mode)
  // What is uploaded there is stored only with it.
  if (durability === 'fsync') await syncDirectory(directory)
}

function unlessExists(error: unknown): void {
  if (errnoOf(error) !== 'EEXIST') throw error
}

type LocalSettings = {
  readonly uploads: RunningUploads
  readonly uploading: UploadSettings
  readonly quotas: QuotaSettings | undefined
  readonly statx: Statx | undefined
  readonly getdents: Getdents | undefined
}

class LocalStorage implements Storage {
  readonly #tree: Tree
  readonly #settings: LocalSettings

  constructor(tree: Tree, settings: LocalSettings) {
    this.#tree = tree
    this.#settings = settings
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

  statForResume(path: string, overwriting?: 'refused'): Promise<Entry> {
    if (!this.#isAtomic) return this.stat(path)
    return translated(() =>
      this.#tree.at(path, async place => {
        const whole = await lstatIfThere(place.address)
        if (whole?.isSymbolicLink() === true) return symbolicLink
        const hidden = whole !== undefined && (!whole.isFile() || overwriting === 'refused')
        const left = hidden ? undefined : await lstatIfThere(this.#partialOf(place))
        const found = left?.isFile() === true ? left : whole
        if (found === undefined) throw new StorageError('not-found')
        return toEntry(nameOf(path), found)
      }),
    )
  }

  async *list(path: string): AsyncGenerator<readonly Entry[]> {
    const directory = await translated(() => this.#tree.pin(path))
    try {
      yield* listEntries(directory, {
        followed: name => this.#statIfThere(joinPath(path, name)),
        statx: this.#settings.statx,
        getdents: this.#settings.getdents,
        volume: this.#tree.volumeKindOf(directory),
        gate: this.#tree.gate,
      })
    } catch (error) {
      throw storageError(error)
    } finally {
      directory.release()
    }
  }

  read(path: string, offset: number): Promise<ReadableFile> {
    const { uploads } = this.#settings
    return translated(
      () =>
        openForReadingAtOnce(this.#tree, path, offset, uploads) ??
        this.#tree.at(path, place => openForReading(place, offset, uploads)),
    )
  }

  write(path: string, mode: WriteMode): Promise<WritableFile> {
    if (mode.kind === 'unique') return writeUnique(this, path, mode.permissions)
    return translated(async () => {
      const { uploads, uploading } = this.#settings
      // What is to stay of a large file is copied first.
      const errand: Errand = this.#isAtomic && mode.kind !== 'replace' ? 'copy' : 'command'
      return await this.#tree.at(
        path,
        place =>
          this.#isAtomic
            ? openBeside(place, mode, uploads, uploading, this.#counting(place))
            : openForWriting(place, mode, uploads, uploading.durability, this.#counting(place)),
        undefined,
        errand,
      )
    })
  }

  rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    return translated(async () => {
      refuseRoot(from)
      refuseRoot(to)
      await this.#tree.at(from, source => this.#tree.within(to, target => this.#move(source, target, replacing)))
    })
  }

  removeFile(path: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      await this.#tree.at(path, async place => {
        const { address } = place
        const stats = await lstatIfThere(address)
        await this.#refuseRunningUpload(place, stats)
        const counting = this.#counting(place)
        if (stats !== undefined) await unlink(address)
        counting?.removed(stats)
        const partial = this.#isAtomic ? this.#partialOf(place) : undefined
        const left = partial === undefined ? undefined : await lstatIfThere(partial)
        if (partial !== undefined && left !== undefined && (await unlinkIfThere(partial))) counting?.removed(left)
        else if (stats === undefined) throw new StorageError('not-found')
      })
    })
  }

  removeDirectory(path: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      try {
        await this.#tree.at(path, ({ address }) => rmdir(address))
      } catch (error) {
        if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
        // For clients, a directory is empty that has nothing but uploads which broke off.
        const directory = await this.#tree.pin(path)
        try {
          const { claims } = this.#settings.uploads
          const { bytes, files } = await inTurn(this.#tree.gate, () => removePartials(directory, claims), 'copy')
          await this.#tree.at(path, async place => {
            this.#counting(place)?.change({ bytes: -bytes, files: -files })
            await rmdir(place.address)
          })
        } finally {
          directory.release()
        }
      }
    })
  }

  removeTree(path: string, watch: Watch): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      const { uploads, quotas } = this.#settings
      const isAtomic = this.#isAtomic
      await removeTree(this.#tree, path, {
        ...watch,
        onRemove: (directory, name, stats) =>
          refuseRunning({ claims: uploads.claims, isAtomic }, directory, name, stats),
        onRemoved: (at, bytes) => quotas && new Counting(quotas, { path: at }).change({ bytes: -bytes, files: -1 }),
      })
    })
  }

  makeDirectory(path: string, permissions?: number): Promise<void> {
    return translated(async () => {
      if (path === '/') throw new StorageError('exists')
      await this.#tree.at(path, place => makeDirectoryAt(place, 0o777, this.#settings.uploading))
      // mkdir(2) takes away what the umask of the process has.
      if (permissions !== undefined) await this.setMode(path, permissions)
    })
  }

  makeLink(path: string, target: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      if (!this.#tree.followsLinks) throw new StorageError('not-supported')
      await this.stat(target)
      await makeLink(this.#tree, path, target)
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

  async checkRoom(path: string, bytes: number): Promise<void> {
    const { quotas } = this.#settings
    const counting = quotas && new Counting(quotas, { path })
    await counting?.take({ least: bytes, most: bytes, files: 0 })
    counting?.change({ bytes: -bytes, files: 0 })
  }

  room(directory: string): Promise<Room> {
    return translated(() => roomIn(this.#tree, directory, this.#settings.quotas))
  }

  close(): Promise<void> {
    return this.#tree.close()
  }

  get #isAtomic(): boolean {
    return this.#settings.uploading.mode === 'atomic'
  }

  /** For changes of metadata: on the object itself, which may be unreadable. */
  #withObject<Result>(path: string, change: (self: SystemPath, stats: Stats) => Promise<Result>): Promise<Result> {
    return translated(async () => {
      const pinned = await this.#tree.pin(path)
      const { self, stats } = pinned
      try {
        if (!stats.isFile() && !stats.isDirectory()) throw new StorageError('not-a-file')
        return await inTurn(this.#tree.gate, () => change(self, stats))
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
    }
    await this.#refuseRunningUpload(target, existing)
    const transfer = await this.#takeAlong(source, target, moved)
    try {
      // A directory can only take the place of an empty one, however the target changes meanwhile.
      if (replacing === undefined || moved.isDirectory()) await rename(source.address, target.address)
      else await moveToFreeName(source.address, target.address)
    } catch (error) {
      transfer?.undo()
      throw error
    }
    transfer?.done()
    this.#counting(target)?.removed(existing)
    if (this.#settings.uploading.durability === 'none') return
    await syncDirectory(target.directory)
    await syncDirectory(source.directory)
  }

  /** What is moved to another directory takes from its quotas what it is large. */
  async #takeAlong(
    source: Place,
    target: Place,
    moved: Stats,
  ): Promise<{ readonly undo: () => void; readonly done: () => void } | undefined> {
    const [from, to] = [this.#counting(source), this.#counting(target)]
    if (from === undefined || to === undefined || parentOf(from.path) === parentOf(to.path)) return undefined
    const { bytes, files } = moved.isDirectory()
      ? await this.#tree.outOfTurn(() => usageIn(this.#tree, source.path))
      : { bytes: moved.isFile() ? moved.size : 0, files: moved.isFile() ? 1 : 0 }
    await to.takeFrom(from, bytes, files)
    const less = { bytes: -bytes, files: -files }
    return { undo: () => to.change(less), done: () => from.change(less) }
  }

  #counting(place: Place): Counting | undefined {
    const { quotas } = this.#settings
    if (quotas === undefined || !place.own) return undefined
    return new Counting(quotas, place, wait => this.#tree.outOfTurn(wait))
  }

  async #refuseRunningUpload({ directory, name }: Place, stats: Stats | undefined): Promise<void> {
    const { uploads } = this.#settings
    const isRunning =
      (stats !== undefined && (await uploads.claims.has(identityOf(stats)))) ||
      (this.#isAtomic && (await uploads.claims.has(nameClaim(directory, targetHash(name)))))
    if (isRunning) throw new StorageError('busy')
  }

  #partialOf({ directory, name }: Place): SystemPath {
    return directory.address(partialName(name, this.#settings.uploading.user))
  }
}

/** Links that lead nowhere, outside or to where the user may not go are not shown. */
const hiddenLinks = ['not-found', 'not-a-directory', 'forbidden', 'busy'] as const

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
