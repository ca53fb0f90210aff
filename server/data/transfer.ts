/** A transfer: what is moved over a data connection, and how it ended. */
import type { ReadableFile, StorageErrorKind, WritableFile } from '../storage/storage.ts'

export type Transfer =
  | { readonly kind: 'send-file'; readonly file: ReadableFile; readonly path: string; readonly type: 'ascii' | 'image' }
  | {
      readonly kind: 'receive-file'
      readonly file: WritableFile
      readonly path: string
      readonly type: 'ascii' | 'image'
    }
  /** Lines end with CRLF already; file names are encoded by encodeName. */
  | { readonly kind: 'send-listing'; readonly chunks: AsyncIterable<Uint8Array>; readonly path: string }

/** How a transfer ended. */
export type TransferOutcome =
  | 'complete'
  /** ABOR, or the session's end. */
  | 'aborted'
  | 'connection-lost'
  | 'stalled'
  /** TLS ended without close_notify, and the configuration rejects that. */
  | 'truncated'
  | 'storage-failed'

export type TransferResult = {
  readonly outcome: TransferOutcome
  /** Where the outcome is `storage-failed`. */
  readonly storageError?: StorageErrorKind
  /** Bytes on the data connection, before TLS. */
  readonly bytes: number
  readonly durationSeconds: number
  /** An upload over TLS: whether the client closed it with close_notify. */
  readonly closeNotify?: boolean
}
