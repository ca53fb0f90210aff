/** Files of which only a part is moved: the range that RANG has set. */
import { type ReadableFile, StorageError, type WritableFile } from '../../storage/storage.ts'

/** The file as if it ended at the offset. It is read, not sent by the kernel, which would not stop there. */
export function endingAt(file: ReadableFile, end: number): ReadableFile {
  const size = Math.min(end, file.size)
  let left = Math.max(0, size - file.offset)
  return {
    size: Math.max(size, file.offset),
    offset: file.offset,
    async read(buffer) {
      if (left === 0) return 0
      const bytes = await file.read(buffer.byteLength > left ? buffer.subarray(0, left) : buffer)
      left -= bytes
      return bytes
    },
    close: () => file.close(),
  }
}

/** The file, which takes so many bytes and rejects with `over-quota` what comes after them. */
export function takingAtMost(file: WritableFile, bytes: number): WritableFile {
  let left = bytes
  const writeRest = async (rest: Uint8Array): Promise<void> => {
    await file.write(rest)
    throw new StorageError('over-quota')
  }
  return {
    path: file.path,
    write(chunk) {
      const fitting = Math.min(left, chunk.byteLength)
      left -= fitting
      return fitting < chunk.byteLength ? writeRest(chunk.subarray(0, fitting)) : file.write(chunk)
    },
    finish: () => file.finish(),
    abandon: () => file.abandon(),
  }
}
