/** A transfer: what is moved over a data connection, and how it ended. */
import { type ReadableFile, StorageError, type StorageErrorKind, type WritableFile } from '../storage/storage.ts'
import { fromNetwork, toNetwork } from './ascii.ts'
import type { DataConnection } from './connection.ts'

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

export type TransferOptions = {
  /** Ends the transfer as `aborted`. */
  readonly signal: AbortSignal
  /** Ends the transfer as `stalled` when no byte has moved for so long. */
  readonly stallTimeoutSeconds: number
  /** Whether an upload over TLS without close_notify is `truncated`. */
  readonly rejectTruncated: boolean
  /** Bytes so far. */
  readonly onProgress: (bytes: number) => void
}

/**
 * Moves the bytes, then closes the file and the connection whatever happened. Never rejects. `complete` means: every byte of an
 * upload is in the file, which is closed; every byte of a download was taken by the kernel. Faster ways to move bytes belong here.
 */
export async function runTransfer(
  transfer: Transfer,
  connection: DataConnection,
  options: TransferOptions,
): Promise<TransferResult> {
  const started = performance.now()
  const { signal } = options
  let stopped: 'aborted' | 'stalled' | undefined
  const stop = (reason: 'aborted' | 'stalled') => {
    stopped ??= reason
    if (reason === 'stalled' && transfer.kind !== 'receive-file') connection.reset()
    else connection.destroy()
  }
  const onAbort = () => stop('aborted')
  signal.addEventListener('abort', onAbort)
  connection.watchStall(options.stallTimeoutSeconds, () => stop('stalled'))
  if (signal.aborted) stop('aborted')
  const result = (ending: Ending): TransferResult => ({
    ...ending,
    bytes: connection.bytesRead + connection.bytesWritten,
    durationSeconds: (performance.now() - started) / 1000,
  })
  try {
    return result(await move(transfer, connection, options))
  } catch (error) {
    if (transfer.kind === 'receive-file') await transfer.file.abandon()
    else if (error instanceof StorageError) connection.reset()
    return result(stopped === undefined ? endingOf(error) : { outcome: stopped })
  } finally {
    signal.removeEventListener('abort', onAbort)
    connection.watchStall(0, () => {})
    connection.destroy()
    if (transfer.kind === 'send-file') await transfer.file.close().catch(() => {})
  }
}

type Ending = Pick<TransferResult, 'outcome' | 'storageError' | 'closeNotify'>

/** Large enough to make system calls rare, small enough for hundreds of transfers at once; there are two a download. */
const bufferBytes = 262_144

class TruncatedError extends Error {
  override readonly name = 'TruncatedError'
}

function endingOf(error: unknown): Ending {
  if (error instanceof StorageError) return { outcome: 'storage-failed', storageError: error.kind }
  if (error instanceof TruncatedError) return { outcome: 'truncated', closeNotify: false }
  return { outcome: 'connection-lost' }
}

function move(transfer: Transfer, connection: DataConnection, options: TransferOptions): Promise<Ending> {
  switch (transfer.kind) {
    case 'send-file':
      return sendFile(transfer.file, transfer.type, connection, options)
    case 'receive-file':
      return receiveFile(transfer.file, transfer.type, connection, options)
    case 'send-listing':
      return sendListing(transfer.chunks, connection, options)
  }
}

/** Reads one buffer while the other is written. */
async function sendFile(
  file: ReadableFile,
  type: 'ascii' | 'image',
  connection: DataConnection,
  { onProgress }: TransferOptions,
): Promise<Ending> {
  const length = Math.max(1, Math.min(bufferBytes, file.size - file.offset + 1))
  const converter = type === 'ascii' ? toNetwork() : undefined
  let reading = Buffer.allocUnsafeSlow(length)
  let spare: typeof reading | undefined
  let written = Promise.resolve()
  for (;;) {
    const count = await fromStorage(file.read(reading))
    await written
    onProgress(connection.bytesWritten)
    if (count === 0) break
    const bytes = reading.subarray(0, count)
    written = connection.write(converter?.convert(bytes) ?? bytes)
    // It is waited for after the next read, which may take longer than its failure.
    written.catch(() => {})
    const next = spare ?? Buffer.allocUnsafeSlow(length)
    spare = reading
    reading = next
  }
  await connection.end()
  return { outcome: 'complete' }
}

async function receiveFile(
  file: WritableFile,
  type: 'ascii' | 'image',
  connection: DataConnection,
  { onProgress, rejectTruncated }: TransferOptions,
): Promise<Ending> {
  const converter = type === 'ascii' ? fromNetwork() : undefined
  const write = async (bytes: Uint8Array) => {
    if (bytes.length > 0) await fromStorage(file.write(bytes))
  }
  const { closeNotify, broken } = await connection.receive(async bytes => {
    await write(converter?.convert(bytes) ?? bytes)
    onProgress(connection.bytesRead)
  })
  if (broken || (closeNotify === false && rejectTruncated)) throw new TruncatedError('no close_notify')
  connection.watchStall(0, () => {})
  if (converter !== undefined) await write(converter.end())
  await fromStorage(file.finish())
  // The file is whole: how the client goes does not matter any more.
  await connection.end().catch(() => {})
  return { outcome: 'complete', ...(closeNotify === undefined ? {} : { closeNotify }) }
}

async function sendListing(
  chunks: AsyncIterable<Uint8Array>,
  connection: DataConnection,
  { onProgress }: TransferOptions,
): Promise<Ending> {
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await fromStorage(iterator.next())
      if (next.done === true) break
      await connection.write(next.value)
      onProgress(connection.bytesWritten)
    }
  } finally {
    await iterator.return?.().catch(() => {})
  }
  await connection.end()
  return { outcome: 'complete' }
}

/** So that what goes wrong in the storage is never taken for the connection's fault. */
async function fromStorage<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('failed', { cause: error })
  }
}
