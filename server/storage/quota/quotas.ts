/** How much may be stored where: the seam between storages and who keeps count for all processes. Paths are virtual, below the server's root. */
import { isWithin } from '../path.ts'

/** What there may be in a directory and below it, whoever has put it there. */
export type QuotaLimit = {
  readonly directory: string
  readonly maxBytes?: number | undefined
  readonly maxFiles?: number | undefined
}

/** What is stored somewhere. */
export type Usage = { readonly bytes: number; readonly files: number }

export type Taking = {
  /** What is to grow. */
  readonly path: string
  /** Bytes: less than `least` is refused, more than `most` is never given. */
  readonly least: number
  readonly most: number
  readonly files: number
  /** Those that hold at the path. */
  readonly limits: readonly QuotaLimit[]
  /** Whether an upload begins with it: one `change` says when it ends. */
  readonly upload?: 'begins'
}

/** What is there more, or less, than before. */
export type Change = {
  readonly path: string
  readonly bytes: number
  readonly files: number
  readonly upload?: 'ends'
}

export interface Quotas {
  /** Bytes that may be written, at once where that is known. Rejects with the StorageErrors `over-quota` and `busy`. */
  take(taking: Taking): number | Promise<number>
  change(change: Change): void
  /** What there is in the directory of each. Rejects with a StorageError. */
  usage(limits: readonly QuotaLimit[]): Promise<readonly Usage[]>
}

/** The limits that hold at a path. */
export function limitsAt(limits: readonly QuotaLimit[], path: string): readonly QuotaLimit[] {
  return limits.filter(({ directory }) => isWithin(path, directory))
}
