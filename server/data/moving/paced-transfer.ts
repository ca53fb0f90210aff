/** Transfers that are under a limit: in pieces, each as soon as it may move. */
import type { ReadableFile } from '../../storage/storage.ts'
import type { DataConnection } from '../data-connection.ts'
import type { KernelSocket } from '../kernel/sendfile.ts'
import type { Pace, PaceWait } from '../rate/pace.ts'
import type { LineEndConverter } from './ascii.ts'

export type PacedSending = {
  readonly file: Pick<ReadableFile, 'read' | 'transmit'>
  readonly connection: DataConnection
  readonly pace: Pace
  readonly wait: PaceWait
  readonly converter: LineEndConverter | undefined
  /** For the kernel to send on by itself. */
  readonly kernel: KernelSocket | undefined
  readonly onProgress: (bytes: number) => void
}

const bufferBytes = 65_536
const kernelBytes = 1_048_576

/** How a transfer waits for its turn. */
export function paceWait(connection: DataConnection, signal: AbortSignal): PaceWait {
  // Who is made to wait has not stalled.
  return { signal, isOver: () => connection.closed, onWait: () => connection.noteActivity() }
}

/** Sends the rest of a file. */
export async function sendPaced({
  file,
  connection,
  pace,
  wait,
  converter,
  kernel,
  onProgress,
}: PacedSending): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes)
  for (;;) {
    let left = await pace.take(kernel === undefined ? bufferBytes : kernelBytes, wait)
    if (kernel !== undefined) {
      const send = (descriptor: number, position: number) => kernel.send(descriptor, position, left)
      left -= Math.max(0, await connection.transmit(async () => (await file.transmit?.(send)) ?? 0))
      onProgress(connection.bytesWritten)
      if (left === 0) continue
    }
    // Where the kernel has taken less, the client has to read first, or the file has ended.
    const count = await file.read(buffer.subarray(0, left))
    pace.giveBack(Math.max(0, left - count))
    if (count === 0) return
    const read = buffer.subarray(0, count)
    const bytes = converter?.convert(read) ?? read
    if (bytes.length > count) await takeAll(bytes.length - count, pace, wait)
    await connection.write(bytes)
    onProgress(connection.bytesWritten)
  }
}

/** Resolves when so many bytes may move. */
export async function takeAll(bytes: number, pace: Pace, wait: PaceWait): Promise<void> {
  for (let left = bytes; left > 0; ) left -= await pace.take(left, wait)
}

/** Gives received bytes on in pieces. */
export async function receivePaced(
  bytes: Uint8Array,
  pace: Pace,
  wait: PaceWait,
  consume: (bytes: Uint8Array) => Promise<void> | undefined,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const granted = await pace.take(bytes.length - at, wait)
    if (wait.signal.aborted) throw new Error('aborted')
    await consume(bytes.subarray(at, at + granted))
    at += granted
  }
}
