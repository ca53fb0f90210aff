/** The way of an upload: from the connection to a file that is closed. */
import type { WritableFile } from '../../storage/storage.ts'
import type { DataConnection, ReceivedEnd } from '../data-connection.ts'
import { fromNetwork } from './ascii.ts'
import { receiveEncoded } from './encoded-transfer.ts'
import { finishInTime, fromStorage } from './from-storage.ts'
import { paceWait, receivePaced } from './paced-transfer.ts'
import type { Transfer, TransferOptions } from './transfer.ts'

/** TLS ended without close_notify, or in the middle of a record. */
export class TruncatedError extends Error {
  override readonly name = 'TruncatedError'
}

/** A file that is received: how the connection has ended, and what is left to write then. */
type Received = ReceivedEnd & { readonly rest?: () => Promise<void> | undefined }

/** Rejects with a TruncatedError, an EncodingError, a StorageError, or when the connection is lost. */
export async function receiveFile(
  { file, type, offset }: Transfer & { readonly kind: 'receive-file' },
  connection: DataConnection,
  options: TransferOptions,
): Promise<Pick<ReceivedEnd, 'closeNotify'>> {
  const { encoding, onMarker, rejectTruncated, stallTimeoutSeconds } = options
  const tell =
    offset === undefined ? undefined : (marker: string, written: number) => onMarker?.(marker, offset + written)
  const { closeNotify, broken, rest }: Received =
    encoding === undefined
      ? await receivePlain(file, type, connection, options)
      : await receiveEncoded({ file, type, onMarker: tell }, connection, encoding, options)
  if (broken || (closeNotify === false && rejectTruncated)) throw new TruncatedError('no close_notify')
  connection.watchStall(0, () => {})
  await rest?.()
  await finishInTime(file, stallTimeoutSeconds)
  await partFrom(connection, closeNotify)
  return { closeNotify }
}

/** The file is whole: how the client goes does not matter any more. In clear text it has gone, and nothing is left to send but FIN. */
async function partFrom(connection: DataConnection, closeNotify: boolean | undefined): Promise<void> {
  if (connection.protection === 'clear') return
  await (closeNotify === undefined ? connection.shut() : connection.end()).catch(() => {})
}

async function receivePlain(
  file: WritableFile,
  type: 'ascii' | 'image',
  connection: DataConnection,
  { onProgress, means, pace, signal }: TransferOptions,
): Promise<Received> {
  const converter = type === 'ascii' ? fromNetwork() : undefined
  const write = (bytes: Uint8Array): Promise<void> | undefined => {
    if (bytes.length === 0) return undefined
    const writing = file.write(bytes)
    return writing && fromStorage(writing)
  }
  const consume = (bytes: Uint8Array) => {
    const writing = write(converter?.convert(bytes) ?? bytes)
    if (writing !== undefined) return writing.then(() => onProgress(connection.bytesRead))
    onProgress(connection.bytesRead)
    return undefined
  }
  const wait = paceWait(connection, signal)
  const absorb = type === 'image' ? file.absorb?.bind(file) : undefined
  const consumeInTime = (bytes: Uint8Array) =>
    pace?.isLimited === true ? receivePaced(bytes, pace, wait, consume) : consume(bytes)
  const end = await connection.receive(consumeInTime, {
    ...means,
    // What has to wait goes through our memory, in small pieces.
    absorb: absorb && ((...given) => (pace?.isLimited === true ? undefined : absorb(...given))),
    onProgress: () => onProgress(connection.bytesRead),
  })
  return converter === undefined ? end : { ...end, rest: () => write(converter.end()) }
}
