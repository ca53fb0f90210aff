/** Bytes from one open file into another, piece by piece: between two pieces everybody else has a turn. */
import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { type ReadableFile, StorageError, type Watch, type WritableFile } from './storage.ts'

type Source = Pick<ReadableFile, 'read' | 'size' | 'offset' | 'transmit' | 'volume'>
type Target = Pick<WritableFile, 'write' | 'copyFrom'>

/** The kernel gets more at once: it has other ways than reading and writing. Downloads of the volume have their turns in between. */
const pieceBytes = { byKernel: 4_194_304, byReading: 262_144 }

/** As much as the source had when it was opened, from its offset on; by the kernel, as far as it can. Closes neither. Rejects with a StorageError. */
export async function pourInto(target: Target, source: Source, watch: Watch): Promise<void> {
  const left = await pourByKernel(target, source, watch)
  if (left > 0) await pourByReading(target, source, left, watch)
}

/** Resolves to how much is left. */
async function pourByKernel(target: Target, source: Source, watch: Watch): Promise<number> {
  const { transmit, volume } = source
  const from = { volume, ...(transmit !== undefined && { transmit: transmit.bind(source) }) }
  let left = source.size - source.offset
  while (left > 0) {
    const copied = (await target.copyFrom?.(from, Math.min(left, pieceBytes.byKernel))) ?? 0
    if (copied === 0) break
    left -= copied
    await goOn(copied, watch)
  }
  return left
}

async function pourByReading(target: Target, source: Source, bytes: number, watch: Watch): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes.byReading)
  for (let left = bytes; left > 0; ) {
    const length = await source.read(buffer.subarray(0, Math.min(left, buffer.length)))
    if (length === 0) return
    await target.write(buffer.subarray(0, length))
    left -= length
    await goOn(length, watch)
  }
}

async function goOn(bytes: number, { signal, progress }: Watch): Promise<void> {
  progress.bytes += bytes
  await setImmediate()
  if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
}
