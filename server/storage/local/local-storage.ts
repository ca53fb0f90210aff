/** Files in a directory of the operating system. This folder is the only place where users' files are touched. */
import type { Stats } from 'node:fs'
import { joinPath, nameOf } from '../path.ts'
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
} from '../storage.ts'
import { writeUnique } from '../unique.ts'
import { Counting } from './counting.ts'
import { listEntries } from './directories/list.ts'
import { removeDirectory, removeFile } from './directories/remove.ts'
import { removeTree } from './directories/remove-tree.ts'
import { openForReading, openForReadingAtOnce } from './download.ts'
import { toEntry } from './entry.ts'
import { storageError, translated } from './kernel/errno.ts'
import { chmod, lstat, stat, utimes } from './kernel/system.ts'
import { makeLink } from './link.ts'
import { move } from './move.ts'
import { roomIn } from './room.ts'
import { countingAt, isAtomic, type LocalSettings, partialOf } from './settings.ts'
import { makeDirectoryAt } from './sync.ts'
import { lstatIfThere } from './tree/names.ts'
import type { SystemPath } from './tree/pin.ts'
import { symbolicLink, type Trail } from './tree/place.ts'
import type { Tree } from './tree/tree.ts'
import { openBeside } from './uploads/atomic-upload.ts'
import { openForWriting, openForWritingAtOnce } from './uploads/direct-upload.ts'
import type { WithoutUnique } from './uploads/upload.ts'
import { refuseRunning } from './uploads/upload-claims.ts'
import { type Errand, inTurn } from './volumes/volume-gate.ts'

/** Made by home.ts. */
export class LocalStorage implements Storage {
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
        const left = hidden ? undefined : await lstatIfThere(partialOf(place, this.#settings))
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

  read(path: string, offset: number): ReadableFile | Promise<ReadableFile> {
    const { uploads } = this.#settings
    return (
      openForReadingAtOnce(this.#tree, path, offset, uploads) ??
      translated(() => this.#tree.at(path, place => openForReading(place, offset, uploads)))
    )
  }

  write(path: string, mode: WriteMode): WritableFile | Promise<WritableFile> {
    if (mode.kind === 'unique') return writeUnique(this, path, mode.permissions)
    return this.#writeAtOnce(path, mode) ?? this.#writeInTurn(path, mode)
  }

  /** Only what is neither counted, synced nor written beside its name. */
  #writeAtOnce(path: string, mode: WithoutUnique): WritableFile | Promise<WritableFile> | undefined {
    const { uploads, uploading, quotas } = this.#settings
    const isPlain = quotas === undefined && uploading.mode === 'direct' && uploading.durability === 'none'
    return isPlain ? openForWritingAtOnce(this.#tree, path, mode, uploads) : undefined
  }

  #writeInTurn(path: string, mode: WithoutUnique): Promise<WritableFile> {
    return translated(async () => {
      const { uploads, uploading } = this.#settings
      // What is to stay of a large file is copied first.
      const errand: Errand = this.#isAtomic && mode.kind !== 'replace' ? 'copy' : 'command'
      return await this.#tree.at(
        path,
        place =>
          this.#isAtomic
            ? openBeside(place, mode, uploads, uploading, countingAt(place, this.#tree, this.#settings))
            : openForWriting(place, mode, uploads, uploading.durability, countingAt(place, this.#tree, this.#settings)),
        undefined,
        errand,
      )
    })
  }

  rename(from: string, to: string, replacing?: 'refused'): Promise<void> {
    return translated(async () => {
      refuseRoot(from)
      refuseRoot(to)
      await this.#tree.at(from, source =>
        this.#tree.within(to, target => move({ source, target, replacing }, this.#tree, this.#settings)),
      )
    })
  }

  removeFile(path: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      await this.#tree.at(path, place => removeFile(place, this.#tree, this.#settings))
    })
  }

  removeDirectory(path: string): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      await removeDirectory(path, this.#tree, this.#settings)
    })
  }

  removeTree(path: string, watch: Watch): Promise<void> {
    return translated(async () => {
      refuseRoot(path)
      const { uploads, quotas } = this.#settings
      const running = { claims: uploads.claims, isAtomic: this.#isAtomic }
      await removeTree(this.#tree, path, {
        ...watch,
        onRemove: (directory, name, stats) => refuseRunning(running, directory, name, stats),
        onRemoved: (at, bytes) => quotas && new Counting(quotas, { path: at }).change({ bytes: -bytes, files: -1 }),
      })
    })
  }

  makeDirectory(path: string, permissions?: number): Promise<void> {
    return translated(async () => {
      if (path === '/') throw new StorageError('exists')
      await this.#tree.at(path, place => makeDirectoryAt(place, 0o777, this.#settings.uploading.durability))
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
      await utimes(self, toSeconds(stats.atimeMs), toSeconds(modified))
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
    return isAtomic(this.#settings)
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
}

/** Links that lead nowhere, outside or to where the user may not go are not shown. */
const hiddenLinks = ['not-found', 'not-a-directory', 'forbidden', 'busy'] as const

function refuseRoot(path: string): void {
  if (path === '/') throw new StorageError('forbidden')
}

/**
 * utimes takes seconds as a fraction: half a microsecond more keeps a millisecond from being rounded down to the one before. As text:
 * Node takes a negative number, which is a time before 1970, for now.
 */
function toSeconds(milliseconds: number): string {
  return String(milliseconds % 1000 === 0 ? milliseconds / 1000 : milliseconds / 1000 + 5e-7)
}
