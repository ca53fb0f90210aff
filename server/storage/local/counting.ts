/** Quotas as a storage meets them: what a place may take, and what an upload has taken. */
import type { Stats } from 'node:fs'
import { isWithin, joinPath } from '../path.ts'
import { type Change, limitsAt, type QuotaLimit, type Quotas, type Taking } from '../quota/quotas.ts'
import type { Place } from './tree/place.ts'

export type QuotaSettings = {
  readonly quotas: Quotas
  /** The user's `/`, as a virtual path below the server's root. */
  readonly home: string
  /** All that the user is held to. */
  readonly limits: readonly QuotaLimit[]
}

/** Waits for something without holding a place in the queue for the volume. */
export type OutOfTurn = <Result>(wait: () => Promise<Result>) => Promise<Result>

/** What is counted at one path. */
export class Counting {
  readonly #settings: QuotaSettings
  readonly #outOfTurn: OutOfTurn
  readonly path: string

  /** As part of an operation on a place, waiting must not keep others from the volume: counting what is there needs it as well. */
  constructor(settings: QuotaSettings, { path }: Pick<Place, 'path'>, outOfTurn: OutOfTurn = wait => wait()) {
    this.#settings = settings
    this.#outOfTurn = outOfTurn
    this.path = settings.home === '/' ? path : joinPath(settings.home, path.slice(1)).replace(/\/$/, '')
  }

  /** Bytes that may be written. Rejects with the StorageErrors `over-quota` and `busy`. */
  take(taking: Omit<Taking, 'path' | 'limits'>): number | Promise<number> {
    const limits = limitsAt(this.#settings.limits, this.path)
    const taken = this.#settings.quotas.take({ ...taking, path: this.path, limits })
    // Later takings are for bytes, outside of any operation.
    return typeof taken === 'number' || taking.upload !== 'begins' ? taken : this.#outOfTurn(() => taken)
  }

  change(change: Omit<Change, 'path'>): void {
    this.#settings.quotas.change({ ...change, path: this.path })
  }

  /** A plain file is gone; anything else was never counted. */
  removed(stats: Stats | undefined): void {
    if (stats?.isFile() === true) this.change({ bytes: -stats.size, files: -1 })
  }

  /** Takes for this path what comes from another one: only from what does not hold there as well. */
  async takeFrom(source: Counting, bytes: number, files: number): Promise<void> {
    const limits = limitsAt(this.#settings.limits, this.path).filter(
      ({ directory }) => !isWithin(source.path, directory),
    )
    const taken = this.#settings.quotas.take({ least: bytes, most: bytes, files, path: this.path, limits })
    if (typeof taken !== 'number') await this.#outOfTurn(() => taken)
  }
}

/** The bytes of a file that is written to, as far as they are taken. */
export class UploadAccount {
  readonly #counting: Counting
  #taken: number
  /** It never gets shorter. */
  readonly #start: number
  #ended = false

  /** The upload has begun, and has taken so many bytes for what is in the file. */
  constructor(counting: Counting, size: number) {
    this.#counting = counting
    this.#start = size
    this.#taken = size
  }

  /** Up to where the file may be written without asking. */
  get taken(): number {
    return this.#taken
  }

  /** Up to where the file may be written from `position` on, which is before `end` where there is no more room. Rejects where it is the position itself. */
  reach(position: number, end: number): number | Promise<number> {
    if (end <= this.#taken) return end
    const granted = this.#counting.take({ least: 1, most: end - this.#taken, files: 0 })
    if (typeof granted === 'number') return this.#grow(granted)
    return granted.then(
      bytes => this.#grow(bytes),
      (error: unknown) => {
        if (this.#taken > position) return this.#taken
        throw error
      },
    )
  }

  /** So far it was written; what was taken beyond is given back. */
  end(position: number): void {
    this.#ended = true
    const bytes = Math.max(this.#start, position) - this.#taken
    this.#counting.change({ bytes, files: 0, upload: 'ends' })
  }

  #grow(bytes: number): number {
    // Nobody has waited for it.
    if (this.#ended) this.#counting.change({ bytes: -bytes, files: 0 })
    this.#taken += bytes
    return this.#taken
  }
}
