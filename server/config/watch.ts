/** Follows the changes of a configuration directory: by notification where that works, by looking every half second where it does not. */
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { filesSignature, findFiles, mapBounded } from './files.ts'
import { type LoadResult, loadConfiguration } from './load.ts'

export type WatchOptions = {
  readonly directory: string
  /** What is in force when watching begins. */
  readonly initial: LoadResult
  /** Called when what is in force has changed, or what is wrong with the files; never twice at once. */
  readonly onChange: (result: LoadResult) => void
  /** A defect of ours, or of the file system: what is in force stays, and watching goes on. */
  readonly onFault: (error: unknown) => void
  readonly pollIntervalMilliseconds?: number
}

/** Changes come in bursts (a swap is several renames), so a load waits for a pause, but not for long. */
const pauseMilliseconds = 50
const longestPauseMilliseconds = 250
const defaultPollIntervalMilliseconds = 500
/** Looking may take at most this part of the time, however many files there are. */
const pollShare = 0.1
const maxWatchedDirectories = 1024

/** Watches from its making until close(). */
export class ConfigurationWatcher {
  /** Resolves when the directories are watched. */
  readonly watching: Promise<void>
  readonly #options: WatchOptions
  readonly #watchers = new Map<string, { readonly inode: string; readonly watcher: FSWatcher }>()
  #current: LoadResult
  #signature: string | undefined
  #pauseTimer: NodeJS.Timeout | undefined
  #pollTimer: NodeJS.Timeout | undefined
  /** When the first change came that no load has seen yet, by the monotonic clock. */
  #changedAt: number | undefined
  #loadQueued = false
  #work: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: WatchOptions) {
    this.#options = options
    this.#current = options.initial
    // What changed between the first load and now is found by the load that the first look leads to.
    this.#enqueue(() => this.#look())
    this.watching = this.#work
  }

  /** Stops watching; resolves when a load that was under way has ended. Nothing is reported any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#pauseTimer)
    clearTimeout(this.#pollTimer)
    for (const { watcher } of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
    await this.#work
  }

  /** One thing at a time: looks and loads never overlap. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#after(this.#work, work)
  }

  async #after(before: Promise<void>, work: () => Promise<void>): Promise<void> {
    await before
    if (this.#closed) return
    try {
      await work()
    } catch (error) {
      if (!this.#closed) this.#options.onFault(error)
    }
  }

  #changed(): void {
    if (this.#closed) return
    const now = performance.now()
    this.#changedAt ??= now
    const pause = Math.min(pauseMilliseconds, this.#changedAt + longestPauseMilliseconds - now)
    clearTimeout(this.#pauseTimer)
    if (this.#loadQueued) return
    this.#pauseTimer = setTimeout(
      () => {
        this.#loadQueued = true
        this.#enqueue(() => this.#load())
      },
      Math.max(0, pause),
    )
  }

  async #look(): Promise<void> {
    const started = performance.now()
    try {
      const signature = await this.#observe()
      const same = signature !== undefined && signature === this.#signature && Date.now() < this.#current.outdatedAt
      // The pause comes after this too: what was found may be half written.
      if (!same && this.#changedAt === undefined) this.#changed()
    } finally {
      this.#lookAgain(performance.now() - started)
    }
  }

  #lookAgain(tookMilliseconds: number): void {
    if (this.#closed) return
    const interval = this.#options.pollIntervalMilliseconds ?? defaultPollIntervalMilliseconds
    const wait = Math.max(interval, tookMilliseconds / pollShare)
    this.#pollTimer = setTimeout(() => this.#enqueue(() => this.#look()), wait)
  }

  async #load(): Promise<void> {
    this.#loadQueued = false
    this.#changedAt = undefined
    // Taken before reading: what changes meanwhile differs from it, and is found by the next look.
    this.#signature = await this.#observe()
    const result = await loadConfiguration(this.#options.directory, this.#current.parts)
    if (this.#closed) return
    const differs = fingerprint(result) !== fingerprint(this.#current)
    this.#current = result
    if (differs) this.#options.onChange(result)
  }

  /** Sees to it that all directories are watched, and gives the signature of the files in them. */
  async #observe(): Promise<string | undefined> {
    try {
      const found = await findFiles(this.#options.directory)
      const { references } = this.#current
      await this.#watch([...new Set([...found.directories, ...references.map(file => dirname(file))])])
      return await filesSignature(found, references)
    } catch (error) {
      // Directories came and went while they were looked into: a signature that equals no other.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  /** A directory that was made anew under the same name is another one to the kernel. */
  async #watch(directories: readonly string[]): Promise<void> {
    const wanted = new Map<string, string>()
    await mapBounded(directories.slice(0, maxWatchedDirectories), async directory => {
      const inode = await inodeOf(directory)
      if (inode !== undefined) wanted.set(directory, inode)
    })
    if (this.#closed) return
    for (const [directory, { inode }] of this.#watchers) if (wanted.get(directory) !== inode) this.#unwatch(directory)
    for (const [directory, inode] of wanted) {
      if (this.#watchers.has(directory)) continue
      const watcher = openWatcher(directory)
      if (watcher === undefined) continue
      watcher.on('change', () => this.#changed())
      watcher.on('error', () => this.#unwatch(directory))
      this.#watchers.set(directory, { inode, watcher })
    }
  }

  #unwatch(directory: string): void {
    this.#watchers.get(directory)?.watcher.close()
    this.#watchers.delete(directory)
  }
}

/** Undefined where the kernel has no watches left, or the directory is gone: looking finds the changes then. */
function openWatcher(directory: string): FSWatcher | undefined {
  try {
    return watch(directory)
  } catch {
    return undefined
  }
}

async function inodeOf(directory: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}

function fingerprint({ configuration, problems }: LoadResult): string {
  return JSON.stringify([configuration?.hash, problems])
}
