/** A transfer: what is moved over a data connection, how, and how it ended. */
import type { ReadableFile, StorageErrorKind, WritableFile } from '../../storage/storage.ts'
import type { Encoding, EncodingErrorKind } from '../encoding/encoding.ts'
import type { TransferMeans } from '../means.ts'
import type { Pace } from '../rate/pace.ts'

export type Transfer =
  | { readonly kind: 'send-file'; readonly file: ReadableFile; readonly path: string; readonly type: 'ascii' | 'image' }
  | {
      readonly kind: 'receive-file'
      readonly file: WritableFile
      readonly path: string
      readonly type: 'ascii' | 'image'
      /** Where in the file it begins, for who is told of restart markers. */
      readonly offset?: number | undefined
    }
  /** Lines end with CRLF already; file names are encoded by encodeName. A chunk is valid until the next one is asked for. */
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
  | EncodingErrorKind

export type TransferResult = {
  readonly outcome: TransferOutcome
  /** Where the outcome is `storage-failed`. */
  readonly storageError?: StorageErrorKind | undefined
  /** Bytes on the data connection, before TLS. */
  readonly bytes: number
  /** Bytes of the file, where they are not those on the connection. */
  readonly fileBytes?: number | undefined
  readonly durationSeconds: number
  /** An upload over TLS: whether the client closed it with close_notify. */
  readonly closeNotify?: boolean | undefined
}

export type TransferOptions = {
  /** Ends the transfer as `aborted`. */
  readonly signal: AbortSignal
  /** Ends the transfer as `stalled` when no byte has moved for so long. */
  readonly stallTimeoutSeconds: number
  /** Whether an upload over TLS without close_notify is `truncated`. */
  readonly rejectTruncated: boolean
  /** Bytes so far. */
  readonly onProgress: (bytes: number) => void
  readonly means: TransferMeans
  /** Tells the client that a file comes, where that was not done before: a small one may be on its way by then. */
  readonly announce?: (() => Promise<void> | undefined) | undefined
  /** That of the session in this direction; what it limits may change at any time. */
  readonly pace?: Pace
  /** Undefined for what goes over the connection as it is: MODE S, STRU F. */
  readonly encoding?: Encoding
  /** The client has set a restart marker in an upload, up to which all is in the file: how long that is then. */
  readonly onMarker?: (marker: string, offset: number) => Promise<void> | undefined
}
