/** The checksum of a file, read piece by piece: between two pieces everybody else has a turn. */
import { Buffer } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { type ReadableFile, StorageError } from '../storage/storage.ts'
import { type Algorithm, createDigest } from './algorithm.ts'

export type ChecksumOptions = {
  readonly algorithm: Algorithm
  /** So many bytes from where the file was opened; less only where the file ends before. */
  readonly bytes: number
  readonly signal: AbortSignal
  /** Counts what was read. */
  readonly progress: { bytes: number }
}

/** Half a millisecond for SHA-256 where the processor has no instructions for it. */
const pieceBytes = 131_072

/** Hexadecimal digits. Rejects with a StorageError, `failed` once the signal is aborted. */
export async function checksumOf(
  file: Pick<ReadableFile, 'read'>,
  { algorithm, bytes, signal, progress }: ChecksumOptions,
): Promise<string> {
  const digest = createDigest(algorithm)
  const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, Math.max(1, bytes)))
  for (let left = bytes; left > 0; ) {
    const length = await file.read(left < buffer.length ? buffer.subarray(0, left) : buffer)
    if (length === 0) break
    digest.update(buffer.subarray(0, length))
    left -= length
    progress.bytes += length
    await setImmediate()
    if (signal.aborted) throw new StorageError('failed', { cause: signal.reason })
  }
  return digest.hex()
}
