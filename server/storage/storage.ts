/** The seam between FTP and where files are. Paths are absolute virtual paths (path.ts); every failure is a StorageError. */

/** Why an operation failed: a closed set, answered in one place (control/reply.ts). */
export const storageErrorKinds = [
  'not-found',
  'forbidden',
  'exists',
  'not-a-file',
  'not-a-directory',
  'not-empty',
  'name-not-allowed',
  'busy',
  'no-space',
  'over-quota',
  'read-only',
  'too-many-open',
  'bad-offset',
  'not-supported',
  'failed',
] as const
export type StorageErrorKind = (typeof storageErrorKinds)[number]

export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly kind: StorageErrorKind
  constructor(kind: StorageErrorKind, options?: { cause?: unknown }) {
    super(kind, options)
    this.kind = kind
  }
}

export function isStorageError(error: unknown, kind: StorageErrorKind): boolean {
  return error instanceof StorageError && error.kind === kind
}

export type EntryType = 'file' | 'directory' | 'other'

/** A file or directory, as listings and facts need it. Symbolic links are shown as what they lead to; those that lead nowhere or outside are not shown. */
export type Entry = {
  /** Last component of the path; the empty string for `/`. */
  readonly name: string
  readonly type: EntryType
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modified: number
  /** The same for the same object, whatever its name: RFC 3659 section 7.5.2. */
  readonly unique: string
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly links: number
  readonly owner: number
  readonly group: number
  /** Target of a symbolic link that stays inside the root, as written. */
  readonly linkTarget?: string | undefined
}

export interface ReadableFile {
  /** Bytes of the whole file when it was opened. */
  readonly size: number
  /** Where reading starts. */
  readonly offset: number
  /** Fills the buffer from the next position; 0 at the end. Rejects with a StorageError. */
  read(buffer: Uint8Array): Promise<number>
  /**
   * Where the file has a descriptor: lets the kernel send from it. `send` gets the descriptor, which stays open until it has settled, and the
   * next position; it resolves to how many bytes it took, 0 or less for none, and so does this.
   */
  readonly transmit?: (send: (descriptor: number, position: number) => Promise<number>) => Promise<number>
  /** Releases the file; may be called more than once. */
  close(): Promise<void>
}

export interface WritableFile {
  /** Where it is stored, as a virtual path: STOU tells it to the client. */
  readonly path: string
  /** Writes all of the bytes at the next position; `undefined` if that is done already. Rejects with a StorageError. One call at a time. */
  write(bytes: Uint8Array): Promise<void> | undefined
  /**
   * Where the file has a descriptor: lets the kernel put bytes into it. `move` gets the descriptor and the next position, does not wait, and
   * returns how many bytes it put there, 0 for none, and so does this. `undefined`: not now, and nothing was done.
   */
  readonly absorb?: (move: (descriptor: number, position: number) => number) => number | undefined
  /** The upload is whole: when this resolves, the bytes are in the file and the file is closed. */
  finish(): Promise<void>
  /** The upload broke off: keeps what arrived, so that the client can resume, and closes the file. Never rejects. */
  abandon(): Promise<void>
}

/** Where the bytes of an upload go. What may not happen is said here, so that no check before the opening can be outrun. */
export type WriteMode =
  | { readonly kind: 'replace' }
  /** Rejects with `exists` if there is something already. */
  | { readonly kind: 'create' }
  /** Where creating is refused, a missing file is `not-found`. */
  | { readonly kind: 'append'; readonly creating?: 'refused'; readonly overwriting?: 'refused' }
  /**
   * RFC 3659 section 5.3: writing starts at the offset. What is before it stays, and so does what the upload does not
   * reach: the file never gets shorter. Where overwriting is refused, an offset before the end is `forbidden`.
   */
  | {
      readonly kind: 'resume'
      readonly offset: number
      readonly creating?: 'refused'
      readonly overwriting?: 'refused'
    }
  /** STOU: the path itself or, if that exists, the first of `path.1`, `path.2`… that does not; unique.ts. */
  | { readonly kind: 'unique' }

export interface Storage {
  /** Rejects with `not-found` as do all others. */
  stat(path: string): Promise<Entry>
  /**
   * As `stat`, but what an upload that broke off has left goes before a whole file of the name: an upload that goes on goes on
   * from there. Where overwriting is refused, it is only told if there is no whole file.
   */
  statForResume(path: string, overwriting?: 'refused'): Promise<Entry>
  /** Entries of a directory in batches, in no particular order, without `.` and `..`. May throw at once as well as later. */
  list(path: string): AsyncIterable<readonly Entry[]>
  /** Opens a file for reading at an offset. Rejects with `bad-offset` beyond its end, `not-a-file`. */
  read(path: string, offset: number): Promise<ReadableFile>
  /** Opens a file for writing, made if it is missing. Rejects with `bad-offset` where resuming would leave a hole, with `busy` while another upload writes to it. */
  write(path: string, mode: WriteMode): Promise<WritableFile>
  /** Takes the place of an existing file, unless that is refused (`exists`). Never replaces a directory. */
  rename(from: string, to: string, replacing?: 'refused'): Promise<void>
  removeFile(path: string): Promise<void>
  removeDirectory(path: string): Promise<void>
  makeDirectory(path: string): Promise<void>
  /** Rejects with `over-quota` if so many bytes more could not be stored in a directory now. */
  checkRoom(directory: string, bytes: number): Promise<void>
  /** Permission bits, 0 to 0o777. */
  setMode(path: string, mode: number): Promise<void>
  /** Milliseconds since the epoch. Resolves to the time that was really set. */
  setModified(path: string, modified: number): Promise<number>
  /** Releases what the storage holds, once running operations have ended; files that are open stay open. */
  close(): Promise<void>
}
