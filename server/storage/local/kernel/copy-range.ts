/** Linux's copy_file_range(2): the kernel copies from file to file by itself, and a file system that can share blocks between files copies nothing at all. */
import { type Library, loadLibrary } from '../../../data/kernel/native.ts'

export type Part = { readonly descriptor: number; readonly position: number }

/**
 * Copies up to so many bytes in a thread, and resolves to how many: 0 at the end of the source, and where the kernel can't, which reading and
 * writing tells apart.
 */
export type CopyRange = (from: Part, to: Part, bytes: number) => Promise<number>

/** Undefined where calls can't be made, or the C library has no such call. */
export function loadCopyRange(): CopyRange | undefined {
  try {
    return createCopyRange(loadLibrary())
  } catch {
    return undefined
  }
}

function createCopyRange({ func }: Library): CopyRange {
  const copy = func('long copy_file_range(int, int64_t *, int, int64_t *, size_t bytes, unsigned int flags)')
  return async (from, to, bytes) => {
    const fromPosition = BigInt64Array.of(BigInt(from.position))
    const toPosition = BigInt64Array.of(BigInt(to.position))
    return await new Promise((resolve, reject) => {
      copy.async(
        from.descriptor,
        fromPosition,
        to.descriptor,
        toPosition,
        bytes,
        0,
        (error: unknown, copied: number) => {
          if (error) reject(new Error('copy_file_range could not be called', { cause: error }))
          else resolve(Math.max(0, copied))
        },
      )
    })
  }
}
