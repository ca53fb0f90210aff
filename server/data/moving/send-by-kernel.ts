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
const mostBytes = 1_073_741_824
/** One call has at most so many times the bytes of the one before. */
const growth = 64
/** So long a call may take: each next one is in another thread, maybe on another processor, which costs more than the call itself. */
const callMilliseconds = 1000
/** And so long while others take turns with it. */
const turnMilliseconds = 250
/** A client that has room again as soon as this is worth waiting for in a thread. */
const soonMilliseconds = 100

/** What is written in the usual way where the kernel takes no more by itself. */
const waitingBytes = 65_536

export async function sendByKernel(
  file: ReadableFile,
  kernel: KernelSocket,
  connection: DataConnection,
  { onProgress, pace }: TransferOptions,
): Promise<Sent> {
  let bytes = leastBytes
  let asked = 0
  let isQuick = true
  const send = (descriptor: number, position: number, others: () => number = nobody) => {
    // Where many wait, those are served sooner by threads that wait for nobody.
    const waiting = isQuick && others() < 1 ? { isWanted: () => others() > 0 } : undefined
    asked = others() > 0 ? Math.min(bytes, Math.max(leastBytes, (bytes * turnMilliseconds) / callMilliseconds)) : bytes
    return kernel.send(descriptor, position, asked, waiting)
  }
  const buffer = Buffer.allocUnsafeSlow(waitingBytes)
  for (;;) {
    if (isLimited(pace)) return 'limited'
    const started = performance.now()
    const taken = await connection.transmit(async () => (await file.transmit?.(send)) ?? 0)
    onProgress(connection.bytesWritten)
    bytes = bytesFor(bytes, taken, performance.now() - started)
    if (taken === asked) {
      isQuick = true
      continue
    }
    // The client has to read first, or this is the end of the file, or one of both has failed: the next bytes show it, and wait.
    const count = await fromStorage(file.read(buffer))
    if (count === 0) return 'all'
    const waited = performance.now()
    await connection.write(buffer.subarray(0, count))
    isQuick = performance.now() - waited < soonMilliseconds
  }
}

const nobody = () => 0

/** Of the next call, after one has taken so many, in so long. */
function bytesFor(bytes: number, taken: number, milliseconds: number): number {
  const inTime = (Math.max(0, taken) / Math.max(1, milliseconds)) * callMilliseconds
  return Math.floor(Math.min(Math.max(inTime, leastBytes), bytes * growth, mostBytes))
}
