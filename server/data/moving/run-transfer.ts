/** Runs a transfer: chooses the way the bytes go, and ends what it has opened. */
import { keepKind } from '../../kinds.ts'
import { type ReadableFile, StorageError } from '../../storage/storage.ts'
import type { DataConnection } from '../data-connection.ts'
import { EncodingError } from '../encoding/encoding.ts'
import type { KernelSocket } from '../kernel/sendfile.ts'
import { isLimited } from '../rate/pace.ts'
import { type LineEndConverter, toNetwork } from './ascii.ts'
import { countFile } from './counted-file.ts'
import { listed, piecesOf, sendEncoded } from './encoded-transfer.ts'
import { fromStorage } from './from-storage.ts'
import { paceWait, sendPaced, takeAll } from './paced-transfer.ts'
import { receiveFile, TruncatedError } from './receiving.ts'
import { sendAtOnce } from './send-at-once.ts'
import { type Sent, sendByKernel } from './send-by-kernel.ts'
import type { Transfer, TransferOptions, TransferResult } from './transfer.ts'

/**
 * Moves the bytes, then closes the file and the connection whatever happened. Never rejects. `complete` means: every byte of an
 * upload is in the file, which is closed; every byte of a download was taken by the kernel. Faster ways to move bytes belong here.
 */
export function runTransfer(
  wanted: Transfer,
  connection: DataConnection,
  options: TransferOptions,
): Promise<TransferResult> {
  const started = performance.now()
  if (isSentAtOnce(wanted, connection, options)) return concludeSent(wanted.file, connection, options, started)
  return runStepwise(wanted, connection, options, started)
}

/** Whether all of a small file is with the kernel. If not, some of it may be: the transfer goes on behind that. */
function isSentAtOnce(
  wanted: Transfer,
  connection: DataConnection,
  { encoding, pace, signal, means }: TransferOptions,
): wanted is Transfer & { readonly kind: 'send-file' } {
  if (wanted.kind !== 'send-file' || wanted.type !== 'image' || encoding !== undefined) return false
  return !signal.aborted && !isLimited(pace) && sendAtOnce(wanted.file, connection, means)
}

/** Nothing is left to do but to say so, and to see the client close its side: the file is in memory, so nobody has to wait for its volume. */
async function concludeSent(
  file: ReadableFile,
  connection: DataConnection,
  { signal, announce, onProgress }: TransferOptions,
  started: number,
): Promise<TransferResult> {
  const onAbort = () => connection.destroy()
  signal.addEventListener('abort', onAbort)
  try {
    const announced = announce?.()
    if (announced !== undefined) await announced
    onProgress(connection.bytesWritten)
    await connection.closedByClient()
    return resultOf({ outcome: 'complete' }, connection, started)
  } catch (error) {
    return resultOf(endingOf(error), connection, started)
  } finally {
    signal.removeEventListener('abort', onAbort)
    connection.destroy()
    await closeRead(file)
  }
}

/** Where nothing was written, nothing is lost by a failure. */
function closeRead(file: ReadableFile): Promise<void> | undefined {
  try {
    return file.close()?.catch(() => {})
  } catch {
    return undefined
  }
}

/** Bytes of the file are told where they are not those on the connection. */
function resultOf(
  ending: Ending,
  { bytesRead, bytesWritten }: Pick<DataConnection, 'bytesRead' | 'bytesWritten'>,
  started: number,
  ofFile?: number,
): TransferResult {
  const bytes = bytesRead + bytesWritten
  return {
    outcome: ending.outcome,
    storageError: ending.storageError,
    bytes,
    fileBytes: ofFile === bytes ? undefined : ofFile,
    durationSeconds: (performance.now() - started) / 1000,
    closeNotify: ending.closeNotify,
  }
}

keepKind(() => resultOf({ outcome: 'complete' }, { bytesRead: 0, bytesWritten: 0 }, 0))

async function runStepwise(
  wanted: Transfer,
  connection: DataConnection,
  options: TransferOptions,
  started: number,
): Promise<TransferResult> {
  const { signal } = options
  const counted = isAsItIs(wanted, options) ? undefined : countFile(wanted)
  const transfer = counted?.transfer ?? wanted
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
  connection.watchStall(options.stallTimeoutSeconds, () => stop('stalled'), options.means.socketCalls)
  if (signal.aborted) stop('aborted')
  const result = (ending: Ending): TransferResult => resultOf(ending, connection, started, counted?.fileBytes())
  const inTime = <T>(operation: Promise<T>): Promise<T> => Promise.race([operation, givenUp])
  try {
    return result(await inTime(move(transfer, connection, options)))
  } catch (error) {
    if (transfer.kind === 'receive-file') await inTime(transfer.file.abandon()).catch(() => {})
    else if (error instanceof StorageError || error instanceof EncodingError) connection.reset()
    return result(stopped === undefined ? endingOf(error) : { outcome: stopped })
  } finally {
    signal.removeEventListener('abort', onAbort)
    connection.watchStall(0, () => {})
    connection.destroy()
    const closing = transfer.kind === 'send-file' ? closeRead(transfer.file) : undefined
    if (closing !== undefined) await inTime(closing).catch(() => {})
    clearTimeout(patience)
  }
}

/** Whether the bytes on the connection are those of the file. */
function isAsItIs(transfer: Transfer, { encoding }: TransferOptions): boolean {
  return encoding === undefined && (transfer.kind === 'send-listing' || transfer.type === 'image')
}

/** How long a transfer that is to end waits for the storage. */
const storagePatienceMilliseconds = 2000

type Ending = Pick<TransferResult, 'outcome'> & Partial<Pick<TransferResult, 'storageError' | 'closeNotify'>>

function endingOf(error: unknown): Ending {
  if (error instanceof StorageError) return { outcome: 'storage-failed', storageError: error.kind }
  if (error instanceof TruncatedError) return { outcome: 'truncated', closeNotify: false }
  if (error instanceof EncodingError) return { outcome: error.kind }
  return { outcome: 'connection-lost' }
}

/** The one place where the way the bytes go is chosen. */
function move(transfer: Transfer, connection: DataConnection, options: TransferOptions): Promise<Ending> {
  switch (transfer.kind) {
    case 'send-file':
      return sendFile(transfer.file, transfer.type, connection, options)
    case 'receive-file':
      return receiveUpload(transfer, connection, options)
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
  if (options.encoding !== undefined) {
    await options.announce?.()
    const source = { chunks: piecesOf(file), content: type, offset: file.offset }
    await sendEncoded(source, connection, options.encoding, options)
    return { outcome: 'complete' }
  }
  await options.announce?.()
  const bytes = file.size - file.offset
  const kernel =
    bytes >= leastForKernel && type === 'image' && file.transmit !== undefined
      ? connection.kernelSocket(options.means.sendfile, bytes)
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
      written = connection.write(converter?.convert(bytes) ?? bytes, 'more')
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

async function receiveUpload(
  transfer: Transfer & { readonly kind: 'receive-file' },
  connection: DataConnection,
  options: TransferOptions,
): Promise<Ending> {
  const { closeNotify } = await receiveFile(transfer, connection, options)
  return { outcome: 'complete', closeNotify }
}

async function sendListing(
  chunks: AsyncIterable<Uint8Array>,
  connection: DataConnection,
  options: TransferOptions,
): Promise<Ending> {
  const { onProgress, pace, signal, encoding } = options
  if (encoding !== undefined) {
    await sendEncoded({ chunks: listed(chunks), content: 'lines', offset: 0 }, connection, encoding, options)
    return { outcome: 'complete' }
  }
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await fromStorage(iterator.next())
      if (next.done === true) break
      if (isLimited(pace)) await takeAll(next.value.length, pace, paceWait(connection, signal))
      await connection.write(next.value, isLimited(pace) ? 'nothing' : 'more')
      onProgress(connection.bytesWritten)
    }
  } finally {
    await iterator.return?.().catch(() => {})
  }
  await connection.end()
  return { outcome: 'complete' }
}
