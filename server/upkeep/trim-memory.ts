/** What the C library has of memory that nobody needs, given back to the system. */
import { loadLibrary } from '../data/kernel/native.ts'

/** malloc_trim(3), of glibc. It takes a few milliseconds. Undefined where there is none. */
export function loadTrimMemory(): (() => void) | undefined {
  try {
    const trim = loadLibrary().func('int malloc_trim(size_t rest)')
    return () => void trim(0)
  } catch {
    return undefined
  }
}
