/** Linux's copy_file_range(2): the kernel copies from file to file by itself, and a file system that can share blocks between files copies nothing at all. */
import { createRequire as requireFrom } from 'node:module'
import { arch, platform } from 'node:os'

export type Part = { readonly descriptor: number; readonly position: number }

/**
 * Copies up to so many bytes in a thread, and resolves to how many: 0 at the end of the source, and where the kernel can't, which reading and
 * writing tells apart.
 */
export type CopyRange = (from: Part, to: Part, bytes: number) => Promise<number>

/** Undefined where the package `koffi` or the call is not there, and on anything but Linux. */
export function loadCopyRange(): CopyRange | undefined {
  // Numbers and types are those of these.
  if (platform() !== 'linux' || !['x64', 'arm64'].includes(arch())) return undefined
  try {
    return createCopyRange(requireFrom(import.meta.url)('koffi'))
  } catch {
    return undefined
  }
}

type NativeCalls = { readonly load: (library: null) => { readonly func: (definition: string) => NativeCopy } }
type NativeCopy = {
  readonly async: (
    from: number,
    fromPosition: BigInt64Array,
    to: number,
    toPosition: BigInt64Array,
    bytes: number,
    flags: number,
    done: (error: unknown, copied: number) => void,
  ) => void
}

function createCopyRange(native: NativeCalls): CopyRange {
  const copy = native
    .load(null)
    .func('long copy_file_range(int, int64_t *, int, int64_t *, size_t bytes, unsigned int flags)')
  return async (from, to, bytes) => {
    const fromPosition = BigInt64Array.of(BigInt(from.position))
    const toPosition = BigInt64Array.of(BigInt(to.position))
    return await new Promise((resolve, reject) => {
      copy.async(from.descriptor, fromPosition, to.descriptor, toPosition, bytes, 0, (error, copied) => {
        if (error) reject(new Error('copy_file_range could not be called', { cause: error }))
        else resolve(Math.max(0, copied))
      })
    })
  }
}
