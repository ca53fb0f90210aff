/** What is said between a process and the thread that parses a list of users for it. */
import type { Violation } from '../validate.ts'

/** A list, and the digests of the entries that are known already, one behind the other. */
export type ListQuestion = { readonly content: Uint8Array; readonly known: Uint8Array }

export type ListHead =
  /** What the list is but for its entries. */
  | { readonly parsed: true; readonly value: unknown; readonly entries: EntriesFound | undefined }
  | { readonly parsed: false; readonly violations: readonly Violation[] }

/** Undefined in place of it if there are no entries that could be counted. */
export type EntriesFound = {
  readonly digests: Uint8Array
  /** For each entry which of the known ones it is, or `isNew`. */
  readonly places: Int32Array
}

export const digestBytes = 16
export const isNew = -1
