/** The directory in which servers tell each other their bans: each writes a file of its own and reads those of the others. */
import { constants } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectories } from '../storage/local/directories/make-directories.ts'
import type { Ban } from './ban.ts'
import { formatBans, parseBans } from './ban-file.ts'

export type BanDirectoryOptions = {
  /** Made if it is missing. */
  readonly directory: string
  /** The name of this server among the others: of letters and digits, another one at each start. */
  readonly instance: string
}

export type Reading = {
  /** Of each file that has changed since it was read last. */
  readonly changed: readonly (readonly Ban[])[]
  /** Bans of servers that are gone: their files are removed by `reap`, once this server's own file has them. */
  readonly orphaned: readonly (readonly Ban[])[]
  /** Names of files that are none, or can't be read; each is told once for each change. */
  readonly broken: readonly string[]
  /** This server's own file is not there: it was never written, or taken for that of one that is gone. */
  readonly ownIsMissing: boolean
}

/** A server writes its file at least so often; one that is ten times as old as one's own is that of a server that is gone. Both times are the file system's. */
export const refreshMilliseconds = 60_000
const staleMilliseconds = 10 * refreshMilliseconds

const maxFiles = 1024
const maxFileBytes = 16 * 1024 * 1024
const filePattern = /^bans-[0-9a-z]+\.json(\.tmp)?$/

type Seen = { readonly version: string; readonly bans: readonly Ban[] | undefined }

/** One thing at a time: the caller waits for one call before the next. All methods reject with system errors. */
export class BanDirectory {
  readonly #options: BanDirectoryOptions
  readonly #ownName: string
  #seen = new Map<string, Seen>()
  #stale: string[] = []
  #ownModified: number | undefined

  constructor(options: BanDirectoryOptions) {
    this.#options = options
    this.#ownName = `bans-${options.instance}.json`
  }

  /** Makes the directory if it is missing: for nobody else but this user of the system. */
  async make(): Promise<void> {
    await makeDirectories(this.#options.directory, 0o700)
  }

  async read(): Promise<Reading> {
    const { directory } = this.#options
    const names = (await readdir(directory)).filter(name => filePattern.test(name)).toSorted()
    const seen = new Map<string, Seen>()
    const stale: string[] = []
    const changed: (readonly Ban[])[] = []
    const orphaned: (readonly Ban[])[] = []
    const broken: string[] = []
    for (const name of names.filter(each => each !== this.#ownName).slice(0, maxFiles)) {
      const file = await this.#readFile(name)
      if (file === undefined) continue
      if (!name.endsWith('.tmp')) {
        seen.set(name, file)
        const isNew = this.#seen.get(name)?.version !== file.version
        if (isNew && file.bans !== undefined) changed.push(file.bans)
        if (isNew && file.bans === undefined) broken.push(name)
      }
      if (this.#ownModified === undefined || file.modified > this.#ownModified - staleMilliseconds) continue
      stale.push(name)
      if (file.bans !== undefined) orphaned.push(file.bans)
    }
    this.#seen = seen
    this.#stale = stale
    return { changed, orphaned, broken, ownIsMissing: !names.includes(this.#ownName) }
  }

  /** Replaces this server's file, at once for whoever reads it. */
  async write(bans: readonly Ban[]): Promise<void> {
    const { directory } = this.#options
    const path = join(directory, this.#ownName)
    const temporary = `${path}.tmp`
    const file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    )
    try {
      await file.writeFile(formatBans(bans))
      // A name that is there after a power failure, with nothing in the file, would be a lost ban.
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    this.#ownModified = (await stat(path)).mtimeMs
  }

  /** Removes the files of servers that are gone, as the last reading found them. */
  async reap(): Promise<void> {
    for (const name of this.#stale.splice(0)) await rm(join(this.#options.directory, name), { force: true })
  }

  /** Undefined if it is gone. */
  async #readFile(name: string): Promise<(Seen & { readonly modified: number }) | undefined> {
    try {
      // Neither a link nor a FIFO may stand in for it.
      const file = await open(
        join(this.#options.directory, name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      )
      try {
        const { ino, size, mtimeMs } = await file.stat()
        const version = `${ino} ${size} ${mtimeMs}`
        const before = this.#seen.get(name)
        if (before?.version === version) return { ...before, modified: mtimeMs }
        const text = size > maxFileBytes || name.endsWith('.tmp') ? '' : await file.readFile('utf8')
        return { version, bans: parseBans(text), modified: mtimeMs }
      } finally {
        await file.close()
      }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      return { version: String(errorCode(error)), bans: undefined, modified: Number.POSITIVE_INFINITY }
    }
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
