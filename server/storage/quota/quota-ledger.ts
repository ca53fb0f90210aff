/** Keeps count of what is stored in directories that have quotas. Whatever grows takes it first, so that no sum is ever exceeded. */
import { parentOf } from '../path.ts'
import { StorageError } from '../storage.ts'
import type { Change, QuotaLimit, Quotas, Taking, Usage } from './quotas.ts'

export type QuotaLedgerOptions = {
  /** Counts what is in a directory, which may be missing. */
  readonly usageOf: (directory: string) => Promise<Usage>
  /** Monotonic, in milliseconds. */
  readonly now?: () => number
}

type Count = {
  bytes: number
  files: number
  /** Uploads. */
  running: number
  countedAt: number
  counting: Promise<void> | undefined
}

/** Others may write to the volume as well. */
const recountMilliseconds = 300_000

export class QuotaLedger {
  readonly #usageOf: QuotaLedgerOptions['usageOf']
  readonly #now: () => number
  readonly #counts = new Map<string, Count>()

  constructor({ usageOf, now = () => performance.now() }: QuotaLedgerOptions) {
    this.#usageOf = usageOf
    this.#now = now
  }

  /** One for each process. */
  holder(): QuotaHolder {
    return new QuotaHolder(this)
  }

  /** Forgets everything: the root is another one. */
  clear(): void {
    this.#counts.clear()
  }

  take(taking: Taking): number | Promise<number> {
    const waitsFor = this.#counting(taking)
    return waitsFor === undefined ? this.#grant(taking) : waitsFor.then(() => this.take(taking))
  }

  change({ path, bytes, files, upload }: Change): void {
    for (const count of this.#countsAt(path)) {
      // What is gone before it was counted must not count twice.
      if (count.counting === undefined || bytes > 0) count.bytes += bytes
      if (count.counting === undefined || files > 0) count.files += files
      if (upload === 'ends') count.running = Math.max(0, count.running - 1)
    }
  }

  /** What is counted at a path may not be there: it is counted again as soon as an upload begins while no other runs. */
  doubt(path: string): void {
    for (const count of this.#countsAt(path)) count.countedAt = Number.NEGATIVE_INFINITY
  }

  async usage(limits: readonly QuotaLimit[]): Promise<readonly Usage[]> {
    for (;;) {
      const waitsFor = this.#counting({ limits })
      if (waitsFor === undefined) break
      await waitsFor
    }
    return limits.map(({ directory }) => {
      const { bytes = 0, files = 0 } = this.#counts.get(directory) ?? {}
      return { bytes, files }
    })
  }

  /** What has to be waited for: directories that are counted for the first time, or again while nobody uploads to them. */
  #counting({ limits, upload }: Pick<Taking, 'limits' | 'upload'>): Promise<void> | undefined {
    for (const { directory } of limits) {
      const count = this.#counts.get(directory)
      if (count === undefined) return this.#begin(directory)
      if (count.counting !== undefined) return count.counting
      const isOld = this.#now() - count.countedAt > recountMilliseconds
      if (isOld && upload === 'begins' && count.running === 0) return this.#begin(directory)
    }
    return undefined
  }

  #begin(directory: string): Promise<void> {
    const count: Count = { bytes: 0, files: 0, running: 0, countedAt: this.#now(), counting: undefined }
    count.counting = this.#fill(directory, count)
    this.#counts.set(directory, count)
    return count.counting
  }

  async #fill(directory: string, count: Count): Promise<void> {
    try {
      const { bytes, files } = await this.#usageOf(directory)
      count.bytes += bytes
      count.files += files
      count.countedAt = this.#now()
      count.counting = undefined
    } catch (error) {
      if (this.#counts.get(directory) === count) this.#counts.delete(directory)
      throw error
    }
  }

  #grant({ path, least, most, files, limits, upload }: Taking): number | Promise<number> {
    let room = most
    for (const { directory, maxBytes = Number.MAX_SAFE_INTEGER, maxFiles = Number.MAX_SAFE_INTEGER } of limits) {
      const count = this.#counts.get(directory)
      if (count === undefined) continue
      if (files > 0 && count.files + files > maxFiles) return refused()
      room = Math.min(room, maxBytes - count.bytes)
    }
    if (room < least) return refused()
    const granted = Math.max(0, room)
    for (const count of this.#countsAt(path)) {
      count.bytes += granted
      count.files += files
      if (upload === 'begins') count.running += 1
    }
    return granted
  }

  /** Of all directories that are counted and hold the path. */
  #countsAt(path: string): readonly Count[] {
    const found: Count[] = []
    if (this.#counts.size === 0) return found
    for (let directory = path; ; directory = parentOf(directory)) {
      const count = this.#counts.get(directory)
      if (count !== undefined) found.push(count)
      if (directory === '/') return found
    }
  }
}

/** The ledger as one process has it. */
export class QuotaHolder implements Quotas {
  readonly #ledger: QuotaLedger
  readonly #uploads = new Map<string, number>()
  #isReleased = false

  constructor(ledger: QuotaLedger) {
    this.#ledger = ledger
  }

  take(taking: Taking): number | Promise<number> {
    const granted = this.#ledger.take(taking)
    return typeof granted === 'number'
      ? this.#took(taking, granted)
      : granted.then(bytes => this.#tookLate(taking, bytes))
  }

  change(change: Change): void {
    const { path, upload } = change
    if (upload === 'ends') {
      const left = (this.#uploads.get(path) ?? 0) - 1
      if (left > 0) this.#uploads.set(path, left)
      else this.#uploads.delete(path)
    }
    this.#ledger.change(change)
  }

  usage(limits: readonly QuotaLimit[]): Promise<readonly Usage[]> {
    return this.#ledger.usage(limits)
  }

  /** Of a process that is gone: what its uploads have taken is stored, but maybe not the last piece of each. */
  releaseAll(): void {
    this.#isReleased = true
    for (const [path, count] of this.#uploads) {
      for (let ended = 0; ended < count; ended += 1) {
        this.#ledger.change({ path, bytes: 0, files: 0, upload: 'ends' })
      }
      this.#ledger.doubt(path)
    }
    this.#uploads.clear()
  }

  #took({ path, upload }: Taking, granted: number): number {
    if (upload === 'begins') this.#uploads.set(path, (this.#uploads.get(path) ?? 0) + 1)
    return granted
  }

  /** What a directory was counted for, nobody may be there to use any more. */
  #tookLate(taking: Taking, granted: number): number {
    if (!this.#isReleased) return this.#took(taking, granted)
    const { path, files, upload } = taking
    this.#ledger.change({ path, bytes: -granted, files: -files, ...(upload === 'begins' && { upload: 'ends' }) })
    return granted
  }
}

function refused(): Promise<never> {
  return Promise.reject(new StorageError('over-quota'))
}
