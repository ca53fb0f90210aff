/** Bytes from one open file into another, piece by piece: between two pieces everybody else has a turn. */
import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { type ReadableFile, StorageError, type Watch, type WritableFile } from './storage.ts'

const pieceBytes = 262_144

/** Until the source ends. Closes neither. Rejects with a StorageError. */
export async function pourInto(
  target: Pick<WritableFile, 'write'>,
  source: Pick<ReadableFile, 'read'>,
  { signal, progress }: Watch,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  for (;;) {
    const length = await source.read(buffer)
    if (length === 0) return
    await target.write(buffer.subarray(0, length))
    progress.bytes += length
    await setImmediate()
    if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
  }
}
