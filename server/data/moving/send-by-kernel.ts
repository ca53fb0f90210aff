/** Large files in clear text, which the kernel sends by itself. */
import type { ReadableFile } from '../../storage/storage.ts'
import type { DataConnection } from '../data-connection.ts'
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
/** A client that needs no longer for a MiB is worth waiting for in a thread, and so is one that is quicker while others wait for threads. */
const patienceMilliseconds = 100
const crowdedMilliseconds = 10

/** What is written in the usual way where the kernel takes no more by itself. */
const waitingBytes = 65_536

export async function sendByKernel(
  file: ReadableFile,
  kernel: KernelSocket,
  connection: DataConnection,
  { onProgress, pace }: TransferOptions,
): Promise<Sent> {
  let bytes = leastBytes
  let isWhole = false
  const needs = new Needs()
  const send = async (descriptor: number, position: number, others: () => number = nobody) => {
    // Where many wait, most are served sooner by threads that wait for nobody.
    const waits = needs.milliseconds < (others() < 1 ? patienceMilliseconds : crowdedMilliseconds)
    const share = others() > 0 ? turnMilliseconds / callMilliseconds : 1
    const asked = Math.floor(Math.max(leastBytes, bytes * share))
    const began = performance.now()
    const taken = await kernel.send(descriptor, position, asked, waits ? { isWanted: () => others() > 0 } : undefined)
    bytes = bytesFor(bytes, taken, performance.now() - began)
    isWhole = taken === asked
    return taken
  }
  const buffer = Buffer.allocUnsafeSlow(waitingBytes)
  for (;;) {
    if (isLimited(pace)) return 'limited'
    isWhole = false
    await connection.transmit(async () => (await file.transmit?.(send)) ?? 0)
    needs.note(connection.bytesWritten)
    onProgress(connection.bytesWritten)
    if (isWhole) continue
    // The client has to read first, or this is the end of the file, or one of both has failed: the next bytes show it, and wait.
    const count = await fromStorage(file.read(buffer))
    if (count === 0) return 'all'
    await connection.write(buffer.subarray(0, count))
    needs.note(connection.bytesWritten)
  }
}

const nobody = () => 0

/** How long a client needs for a MiB, with all that it waits for: one that has to wait for its turn is not taken for a quick one. */
class Needs {
  /** Of a new one nothing is known: it is worth waiting for where nobody else waits. */
  milliseconds = crowdedMilliseconds
  #since = performance.now()
  #bytes = 0

  /** So many bytes are sent by now. */
  note(bytes: number): void {
    const took = performance.now() - this.#since
    const sent = bytes - this.#bytes
    if (took < turnMilliseconds) return
    this.milliseconds = (took * megabyte) / Math.max(1, sent)
    this.#since += took
    this.#bytes = bytes
  }
}

const megabyte = 1_048_576

/** Of the next call, after one has taken so many, in so long. */
function bytesFor(bytes: number, taken: number, milliseconds: number): number {
  const inTime = (Math.max(0, taken) / Math.max(1, milliseconds)) * callMilliseconds
  return Math.floor(Math.min(Math.max(inTime, leastBytes), bytes * growth, mostBytes))
}
