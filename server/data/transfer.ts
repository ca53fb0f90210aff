/** A transfer: what is moved over a data connection, and how it ended. */
import { type ReadableFile, StorageError, type StorageErrorKind, type WritableFile } from '../storage/storage.ts'
import { fromNetwork, type LineEndConverter, toNetwork } from './ascii.ts'
import type { DataConnection } from './connection.ts'
import type { TransferMeans } from './means.ts'
import type { Pace } from './pace.ts'
import { paceWait, receivePaced, sendPaced, takeAll } from './paced-transfer.ts'
import { sendAtOnce } from './send-at-once.ts'
import type { KernelSocket } from './sendfile.ts'

export type Transfer =
  | { readonly kind: 'send-file'; readonly file: ReadableFile; readonly path: string; readonly type: 'ascii' | 'image' }
  | {
      readonly kind: 'receive-file'
      readonly file: WritableFile
      readonly path: string
      readonly type: 'ascii' | 'image'
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
  readonly means: TransferMeans
  /** That of the session in this direction; what it limits may change at any time. */
  readonly pace?: Pace
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
  let patience: NodeJS.Timeout | undefined
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>()
  givenUp.catch(() => {})
  const stop = (reason: 'aborted' | 'stalled') => {
    stopped ??= reason
    // A volume that hangs can't be called off: what waits for it is left behind, and goes on by itself once it can.
    patience ??= setTimeout(() => giveUp(new StorageError('failed')), storagePatienceMilliseconds)
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
  const inTime = <T>(operation: Promise<T>): Promise<T> => Promise.race([operation, givenUp])
  try {
    return result(await inTime(move(transfer, connection, options)))
  } catch (error) {
    if (transfer.kind === 'receive-file') await inTime(transfer.file.abandon()).catch(() => {})
    else if (error instanceof StorageError) connection.reset()
    return result(stopped === undefined ? endingOf(error) : { outcome: stopped })
  } finally {
    signal.removeEventListener('abort', onAbort)
    connection.watchStall(0, () => {})
    connection.destroy()
    if (transfer.kind === 'send-file') await inTime(transfer.file.close()).catch(() => {})
    clearTimeout(patience)
  }
}

/** How long a transfer that is to end waits for the storage. */
const storagePatienceMilliseconds = 2000

type Ending = Pick<TransferResult, 'outcome' | 'storageError' | 'closeNotify'>

class TruncatedError extends Error {
  override readonly name = 'TruncatedError'
}

function endingOf(error: unknown): Ending {
  if (error instanceof StorageError) return { outcome: 'storage-failed', storageError: error.kind }
  if (error instanceof TruncatedError) return { outcome: 'truncated', closeNotify: false }
  return { outcome: 'connection-lost' }
}

/** The one place where the way the bytes go is chosen. */
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

/** Less is sent as quickly by reading and writing it. */
const leastForKernel = 262_144

async function sendFile(
  file: ReadableFile,
  type: 'ascii' | 'image',
  connection: DataConnection,
  options: TransferOptions,
): Promise<Ending> {
  if (type === 'image' && !isLimited(options.pace) && sendAtOnce(file, connection, options.means)) {
    options.onProgress(connection.bytesWritten)
    await connection.closedByClient()
    return { outcome: 'complete' }
  }
  const isLarge = file.size - file.offset >= leastForKernel
  const kernel =
    isLarge && type === 'image' && file.transmit !== undefined
      ? connection.kernelSocket(options.means.sendfile)
      : undefined
  const converter = type === 'ascii' ? toNetwork() : undefined
  try {
    const sent =
      kernel === undefined
        ? await sendByPump(file, converter, connection, options)
        : await sendByKernel(file, kernel, connection, options)
    if (sent === 'limited') await sendRestPaced(file, converter, kernel, connection, options)
  } finally {
    kernel?.close()
  }
  await connection.end()
  return { outcome: 'complete' }
}

/** A thread is held up no longer than this takes, and an abort waits no longer for it. */
const kernelBytes = 1_048_576

/** What is written in the usual way where the kernel takes no more by itself. */
const waitingBytes = 65_536

function isLimited(pace: Pace | undefined): pace is Pace {
  return pace?.isLimited === true
}

/** What a transfer has sent: all, or what it could until it came under a limit. */
type Sent = 'all' | 'limited'

async function sendRestPaced(
  file: ReadableFile,
  converter: LineEndConverter | undefined,
  kernel: KernelSocket | undefined,
  connection: DataConnection,
  { pace, signal, onProgress }: TransferOptions,
): Promise<void> {
  if (pace === undefined) return
  const { transmit } = file
  const paced = {
    read: (buffer: Uint8Array) => fromStorage(file.read(buffer)),
    ...(transmit !== undefined && { transmit: transmit.bind(file) }),
  }
  await sendPaced({ file: paced, connection, pace, wait: paceWait(connection, signal), converter, kernel, onProgress })
}

async function sendByKernel(
  file: ReadableFile,
  kernel: KernelSocket,
  connection: DataConnection,
  { onProgress, pace }: TransferOptions,
): Promise<Sent> {
  const send = (descriptor: number, position: number) => kernel.send(descriptor, position, kernelBytes)
  const buffer = Buffer.allocUnsafeSlow(waitingBytes)
  for (;;) {
    if (isLimited(pace)) return 'limited'
    const taken = await connection.transmit(async () => (await file.transmit?.(send)) ?? 0)
    onProgress(connection.bytesWritten)
    if (taken === kernelBytes) continue
    // The client has to read first, or this is the end of the file, or one of both has failed: the next bytes show it, and wait.
    const count = await fromStorage(file.read(buffer))
    if (count === 0) return 'all'
    await connection.write(buffer.subarray(0, count))
  }
}

/** Reads one half of a buffer while the other is written. */
async function sendByPump(
  file: ReadableFile,
  converter: LineEndConverter | undefined,
  connection: DataConnection,
  { onProgress, pace, means: { buffers } }: TransferOptions,
): Promise<Sent> {
  if (isLimited(pace)) return 'limited'
  const expected = file.size - file.offset + 1
  const pooled = expected > largestOwn ? buffers.take() : undefined
  const buffer = pooled ?? Buffer.allocUnsafeSlow(Math.max(1, expected) * 2)
  const middle = buffer.length / 2
  let reading = buffer.subarray(0, middle)
  let spare = buffer.subarray(middle)
  let written = Promise.resolve()
  let left = file.size - file.offset
  let sent: Sent = 'all'
  try {
    for (;;) {
      if (isLimited(pace)) {
        sent = 'limited'
        break
      }
      const count = await fromStorage(file.read(reading))
      await written
      if (count === 0) break
      onProgress(connection.bytesWritten)
      const bytes = reading.subarray(0, count)
      written = connection.write(converter?.convert(bytes) ?? bytes)
      // It is waited for after the next read, which may take longer than its failure.
      written.catch(() => {})
      left -= count
      // It has not grown since it was opened: asking for more would only cost time.
      if (left <= 0 && count < reading.length) break
      const next = spare
      spare = reading
      reading = next
    }
    await written
    onProgress(connection.bytesWritten)
  } catch (error) {
    // A write may still be under way.
    if (pooled !== undefined) buffers.forget(pooled)
    throw error
  }
  if (pooled !== undefined) buffers.give(pooled)
  return sent
}

/** Files of up to so many bytes get a buffer of their size. */
const largestOwn = 65_536

async function receiveFile(
  file: WritableFile,
  type: 'ascii' | 'image',
  connection: DataConnection,
  { onProgress, rejectTruncated, stallTimeoutSeconds, means, pace, signal }: TransferOptions,
): Promise<Ending> {
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
    isLimited(pace) ? receivePaced(bytes, pace, wait, consume) : consume(bytes)
  const { closeNotify, broken } = await connection.receive(consumeInTime, {
    ...means,
    // What has to wait goes through our memory, in small pieces.
    absorb: absorb && ((...given) => (isLimited(pace) ? undefined : absorb(...given))),
    onProgress: () => onProgress(connection.bytesRead),
  })
  if (broken || (closeNotify === false && rejectTruncated)) throw new TruncatedError('no close_notify')
  connection.watchStall(0, () => {})
  if (converter !== undefined) await write(converter.end())
  await finishInTime(file, stallTimeoutSeconds)
  // The file is whole: how the client goes does not matter any more. In clear text it has gone, and nothing is left to send but FIN.
  if (connection.protection !== 'clear') await connection.end().catch(() => {})
  return { outcome: 'complete', ...(closeNotify === undefined ? {} : { closeNotify }) }
}

/** A volume that hangs may do so at the very end: what waits for it is left behind, and goes on by itself once it can. */
async function finishInTime(file: WritableFile, seconds: number): Promise<void> {
  const finishing = finish(file)
  if (finishing === undefined) return
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new StorageError('failed')), seconds * 1000)
  try {
    await Promise.race([fromStorage(finishing), givenUp])
  } finally {
    clearTimeout(timer)
  }
}

async function sendListing(
  chunks: AsyncIterable<Uint8Array>,
  connection: DataConnection,
  { onProgress, pace, signal }: TransferOptions,
): Promise<Ending> {
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await fromStorage(iterator.next())
      if (next.done === true) break
      if (isLimited(pace)) await takeAll(next.value.length, pace, paceWait(connection, signal))
      await connection.write(next.value)
      onProgress(connection.bytesWritten)
    }
  } finally {
    await iterator.return?.().catch(() => {})
  }
  await connection.end()
  return { outcome: 'complete' }
}

function finish(file: WritableFile): Promise<void> | undefined {
  try {
    return file.finish()
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('failed', { cause: error })
  }
}

/** So that what goes wrong in the storage is never taken for the connection's fault. */
async function fromStorage<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('failed', { cause: error })
  }
}
