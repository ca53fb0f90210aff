/** Large files in clear text, which the kernel sends by itself. */
import type { ReadableFile } from '../storage/storage.ts'
import type { DataConnection } from './connection.ts'
import { fromStorage } from './from-storage.ts'
import { isLimited } from './pace.ts'
import type { KernelSocket } from './sendfile.ts'
import type { TransferOptions } from './transfer.ts'

/** What a transfer has sent: all, or what it could until it came under a limit. */
export type Sent = 'all' | 'limited'

/** A thread is held up no longer than this takes, and an abort waits no longer for it. */
const kernelBytes = 4_194_304

/** What is written in the usual way where the kernel takes no more by itself. */
const waitingBytes = 65_536

export async function sendByKernel(
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
