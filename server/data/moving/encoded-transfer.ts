/** Transfers in another mode than stream, or with records: what moves is not the bytes of the file. */
import type { ReadableFile, WritableFile } from '../../storage/storage.ts'
import type { DataConnection, ReceivedEnd } from '../data-connection.ts'
import { Deflater, Inflater, type Output } from '../encoding/deflate.ts'
import type { Encoding } from '../encoding/encoding.ts'
import { Incoming } from '../encoding/incoming.ts'
import { type Content, outgoing } from '../encoding/outgoing.ts'
import type { TransferMeans } from '../means.ts'
import type { Pace } from '../rate/pace.ts'
import { fromStorage } from './from-storage.ts'
import { paceWait, receivePaced, takeAll } from './paced-transfer.ts'

export type EncodedOptions = {
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number) => void
  readonly means: TransferMeans
  readonly pace?: Pace
}

/** Bytes that are sent, each chunk valid until the next one is asked for, and where in the file the first of them are. */
export type Source = { readonly chunks: AsyncIterable<Uint8Array>; readonly content: Content; readonly offset: number }

const pieceBytes = 65_536
/** From one restart marker to the next. */
const markedBytes = 1_048_576

export async function* piecesOf(file: ReadableFile): AsyncIterable<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  for (;;) {
    const count = await fromStorage(file.read(buffer))
    if (count === 0) return
    yield buffer.subarray(0, count)
  }
}

/** A listing, whose failures are those of the storage. */
export async function* listed(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await fromStorage(iterator.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await iterator.return?.().catch(() => {})
  }
}

/** Sends all of it, and closes the connection. Rejects with an EncodingError, a StorageError, or when the connection is lost. */
export async function sendEncoded(
  { chunks, content, offset }: Source,
  connection: DataConnection,
  encoding: Encoding,
  { signal, onProgress, means, pace }: EncodedOptions,
): Promise<void> {
  const wait = paceWait(connection, signal)
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length === 0) return
    if (pace?.isLimited === true) await takeAll(bytes.length, pace, wait)
    await connection.write(bytes)
    onProgress(connection.bytesWritten)
  }
  await deflating(encoding, { means, signal }, write, async send => {
    const way = outgoing(encoding, content)
    let position = offset
    let marked = offset
    for await (const chunk of chunks) {
      position += chunk.length
      await send(way.encode(chunk))
      // What is deflated may be long, and what is sent of it short.
      connection.noteActivity()
      const marker = position - marked < markedBytes ? undefined : way.mark(`${position}`)
      if (marker === undefined) continue
      marked = position
      await send(marker)
    }
    await send(way.end())
  })
  await (tellsItsEnd(encoding) ? connection.shut() : connection.end())
}

/** In these modes the client may leave the connection to the server to close, and wait for the reply (RFC 959 section 3.2). */
function tellsItsEnd({ mode }: Encoding): boolean {
  return mode === 'block' || mode === 'compressed'
}

/** Runs `work` with what takes the bytes, and waits until all are with the output. */
async function deflating(
  { mode, deflate: { level, maxTransfers } }: Encoding,
  { means, signal }: Pick<EncodedOptions, 'means' | 'signal'>,
  output: (bytes: Uint8Array) => Promise<void>,
  work: (send: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  if (mode !== 'deflate') return await work(output)
  const release = await means.deflateSlots.take(maxTransfers, signal)
  const deflater = new Deflater(level, output)
  try {
    await work(bytes => deflater.write(bytes))
    await deflater.end()
  } finally {
    deflater.close()
    release()
  }
}

export type EncodedUpload = {
  readonly file: WritableFile
  readonly type: 'ascii' | 'image'
  /** The client has set a marker: all up to this offset is in the file. Undefined where nobody is to be told. */
  readonly onMarker: ((marker: string, written: number) => Promise<void> | undefined) | undefined
}

/** Writes all that arrives to the file, which it leaves open. Rejects as `receive` does, and with an EncodingError. */
export async function receiveEncoded(
  { file, type, onMarker }: EncodedUpload,
  connection: DataConnection,
  encoding: Encoding,
  { signal, onProgress, means, pace }: EncodedOptions,
): Promise<ReceivedEnd> {
  let written = 0
  const incoming = new Incoming(encoding, type, {
    write(bytes) {
      written += bytes.length
      const writing = file.write(bytes)
      // A few bytes may become many.
      connection.noteActivity()
      return writing && fromStorage(writing)
    },
    mark: marker => onMarker?.(marker, written),
  })
  const wait = paceWait(connection, signal)
  const inflation = await inflating(encoding, { means, signal }, bytes => incoming.take(bytes))
  const take = async (bytes: Uint8Array): Promise<void> => {
    await inflation.take(bytes)
    onProgress(connection.bytesRead)
    if (incoming.isOver && tellsItsEnd(encoding)) throw endWasTold
  }
  try {
    const end = await connection
      .receive(bytes => (pace?.isLimited === true ? receivePaced(bytes, pace, wait, take) : take(bytes)), means)
      .catch(untilTold)
    await inflation.end()
    await incoming.end()
    return end
  } finally {
    inflation.close()
  }
}

/** Not an error: nothing else ends the reading before the connection does. */
const endWasTold = new Error('the end of the file was told')

function untilTold(error: unknown): ReceivedEnd {
  if (error !== endWasTold) throw error
  return { closeNotify: undefined, broken: false }
}

type Inflation = {
  readonly take: (bytes: Uint8Array) => Promise<void>
  readonly end: () => Promise<void>
  readonly close: () => void
}

async function inflating(
  { mode, deflate: { maxRatio, maxTransfers } }: Encoding,
  { means, signal }: Pick<EncodedOptions, 'means' | 'signal'>,
  output: (bytes: Uint8Array) => Promise<void>,
): Promise<Inflation> {
  if (mode !== 'deflate') return { take: output, end: async () => {}, close: () => {} }
  const release = await means.deflateSlots.take(maxTransfers, signal)
  const inflater = new Inflater(maxRatio, output satisfies Output)
  return {
    take: bytes => inflater.write(bytes),
    end: () => inflater.end(),
    close() {
      inflater.close()
      release()
    },
  }
}
