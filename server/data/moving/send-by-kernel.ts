/** Large files in clear text, which the kernel sends by itself. */
import type { ReadableFile } from '../../storage/storage.ts'
import type { DataConnection } from '../connection.ts'
import type { KernelSocket } from '../kernel/sendfile.ts'
import { isLimited } from '../rate/pace.ts'
import { fromStorage } from './from-storage.ts'
import type { TransferOptions } from './transfer.ts'

/** What a transfer has sent: all, or what it could until it came under a limit. */
export type Sent = 'all' | 'limited'

/** Bytes of one call, as long as nothing is known about how long they take. */
const leastBytes = 4_194_304
const mostBytes = 268_435_456
/** So long a call may hold a thread: others take turns with it. */
const callMilliseconds = 250
/** A client that has room again as soon as this is worth waiting for in a thread. */
const soonMilliseconds = 10

/** What is written in the usual way where the kernel takes no more by itself. */
const waitingBytes = 65_536

export async function sendByKernel(
  file: ReadableFile,
  kernel: KernelSocket,
  connection: DataConnection,
  { onProgress, pace }: TransferOptions,
): Promise<Sent> {
  let bytes = leastBytes
  let waiting: 'briefly' | undefined
  const send = (descriptor: number, position: number) => kernel.send(descriptor, position, bytes, waiting)
  const buffer = Buffer.allocUnsafeSlow(waitingBytes)
  for (;;) {
    if (isLimited(pace)) return 'limited'
    const started = performance.now()
    const taken = await connection.transmit(async () => (await file.transmit?.(send)) ?? 0)
    onProgress(connection.bytesWritten)
    const isWhole = taken === bytes
    bytes = bytesFor(bytes, taken, performance.now() - started)
    if (isWhole) {
      waiting = 'briefly'
      continue
    }
    // The client has to read first, or this is the end of the file, or one of both has failed: the next bytes show it, and wait.
    const count = await fromStorage(file.read(buffer))
    if (count === 0) return 'all'
    const waited = performance.now()
    await connection.write(buffer.subarray(0, count))
    waiting = performance.now() - waited < soonMilliseconds ? 'briefly' : undefined
  }
}

/** Of the next call, after one has taken so many, in so long. */
function bytesFor(bytes: number, taken: number, milliseconds: number): number {
  if (milliseconds > callMilliseconds) return Math.max(leastBytes, bytes / 2)
  return taken === bytes && milliseconds < callMilliseconds / 2 ? Math.min(bytes * 2, mostBytes) : bytes
}
