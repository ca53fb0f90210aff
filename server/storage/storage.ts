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
  'not-answering',
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
  /** It can't be removed, renamed or replaced, whatever the user may do. */
  readonly fixed?: true
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
   * next position; it resolves to how many bytes it took, 0 or less for none, and so does this. `others`, where it is given, says meanwhile how
   * many wait for the thread that `send` takes, for each of those that have one: 0 for nobody.
   */
  readonly transmit?: (
    send: (descriptor: number, position: number, others?: () => number) => Promise<number>,
  ) => Promise<number>
  /** The same for files that are known to lie on one volume. */
  readonly volume?: object | undefined
  /**
   * Where the file is in memory: reads into the buffer from the next position, lets `send` have it, which returns how many of the bytes it took,
   * and goes on by as many. Returns them, and how many bytes there were. `undefined`: not now, and nothing was done. Throws a StorageError.
   */
  readonly passAtOnce?: (
    buffer: Uint8Array,
    send: (bytes: Uint8Array) => number,
  ) => { readonly taken: number; readonly read: number } | undefined
  /** Releases the file; may be called more than once. `undefined` if that is done already. */
  close(): Promise<void> | undefined
}

export interface WritableFile {
  /** Where it is stored, as a virtual path: STOU tells it to the client. */
  readonly path: string
  /** Writes all of the bytes at the next position; `undefined` if that is done already. Rejects with a StorageError. One call at a time. */
  write(bytes: Uint8Array): Promise<void> | undefined
  /**
   * Where the file has a descriptor: lets the kernel put bytes into it. `move` gets the descriptor, the next position and, where there is a limit,
   * how many bytes at most; it does not wait, and returns how many it put there, 0 for none, and so does this. `undefined`: not now, and nothing
   * was done. A promise: nothing was done, and it is worth trying again when it is fulfilled, but not when it is rejected; nothing may be
   * written meanwhile. `arrived` says how many bytes are there to be moved.
   */
  readonly absorb?: (
    move: (descriptor: number, position: number, most?: number) => number,
    arrived: () => number,
  ) => number | Promise<void> | undefined
  /**
   * Where the kernel can copy from one file to another on a volume: has it copy up to so many bytes from the next position of an open file,
   * which goes on behind them as this one does. Resolves to how many: 0 where that can't be done, or nothing is left, and reading and writing
   * tells which. Rejects with a StorageError.
   */
  readonly copyFrom?: (source: Pick<ReadableFile, 'transmit' | 'volume'>, bytes: number) => Promise<number>
  /** The upload is whole: when this resolves, the bytes are in the file and the file is closed; `undefined` if that is done already. May throw at once. */
  finish(): Promise<void> | undefined
  /** The upload broke off: keeps what arrived, so that the client can resume, and closes the file. Never rejects. */
  abandon(): Promise<void>
}

/** Where the bytes of an upload go. What may not happen is said here, so that no check before the opening can be outrun. */
export type WriteMode = WriteKind & {
  /** Permission bits of a file that is made, 0 to 0o666; without them, those that the process gives. */
  readonly permissions?: number | undefined
}

type WriteKind =
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

/** Of what may take long: what it has done is counted, and it ends soon, with `failed`, once the signal is aborted. */
export type Watch = { readonly signal: AbortSignal; readonly progress: { bytes: number } }

export type Room = {
  /** How many could be stored now, at most. */
  readonly bytes: number
  /** All that hold there. */
  readonly quotas: readonly QuotaState[]
}

export type QuotaState = {
  /** A virtual path; undefined for a directory above `/`. */
  readonly directory: string | undefined
  readonly bytes: { readonly used: number; readonly limit: number | undefined }
  readonly files: { readonly used: number; readonly limit: number | undefined }
}

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
  /** Opens a file for reading at an offset. Refuses with `bad-offset` beyond its end, `not-a-file`. May throw at once. */
  read(path: string, offset: number): ReadableFile | Promise<ReadableFile>
  /**
   * Opens a file for writing, made if it is missing. Refuses with `bad-offset` where resuming would leave a hole, with `busy` while another upload
   * writes to it. May throw at once.
   */
  write(path: string, mode: WriteMode): WritableFile | Promise<WritableFile>
  /** Takes the place of an existing file, unless that is refused (`exists`). Never replaces a directory. */
  rename(from: string, to: string, replacing?: 'refused'): Promise<void>
  removeFile(path: string): Promise<void>
  removeDirectory(path: string): Promise<void>
  /** Removes a directory with all that is in it, links and not what they lead to. What was removed before a failure stays removed. Counts names. */
  removeTree(path: string, watch: Watch): Promise<void>
  /** Permission bits as in a WriteMode, 0 to 0o777. */
  makeDirectory(path: string, permissions?: number): Promise<void>
  /** Makes a symbolic link to what is at another path. Rejects with `not-found` where there is nothing, `not-supported` where links are not followed. */
  makeLink(path: string, target: string): Promise<void>
  /** Rejects with `over-quota` if so many bytes more could not be stored in a directory now. */
  checkRoom(directory: string, bytes: number): Promise<void>
  /** How much more could be stored in a directory now. */
  room(directory: string): Promise<Room>
  /** Permission bits, 0 to 0o777. */
  setMode(path: string, mode: number): Promise<void>
  /** Milliseconds since the epoch. Resolves to the time that was really set. */
  setModified(path: string, modified: number): Promise<number>
  /** Releases what the storage holds, once running operations have ended; files that are open stay open. */
  close(): Promise<void>
}
