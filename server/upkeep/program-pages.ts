/** Pages of the program's own files: of what a start has read there, a process at rest needs little, and the system has all of it. */
import { loadLibrary } from '../data/kernel/native.ts'

/** Bytes in the memory of the process. */
export type Piece = { readonly address: number; readonly length: number }

/**
 * Lets go of them (madvise(2)), which takes two or three milliseconds: whatever is used again comes back from the system's cache of files, as it
 * would if the system had taken it. Undefined where that can't be asked for. `readMappings` gives /proc/self/smaps.
 */
export function loadReleaseProgramPages(readMappings: () => string): (() => void) | undefined {
  try {
    const advise = loadLibrary().func('int madvise(uintptr_t address, size_t length, int advice)')
    return () => {
      for (const { address, length } of unwrittenPieces(readIfPossible(readMappings)))
        advise(address, length, notNeeded)
    }
  } catch {
    return undefined
  }
}

/** Without a descriptor left, there is nothing to be read. */
function readIfPossible(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

// asm-generic/mman-common.h
const notNeeded = 4

/** Less is not worth a call. */
const leastResidentKilobytes = 256

/**
 * What programs and libraries have mapped from their files and nobody has written to, as smaps of proc(5) tells. What was written, as by
 * the dynamic linker, is a copy ("anonymous") that is nowhere else: a mapping that has any, in memory or in swap, stays as it is.
 */
export function unwrittenPieces(smaps: string): readonly Piece[] {
  const mappings = [...smaps.matchAll(mapping)].map(({ groups = {} }) => groups)
  const programs = new Set(mappings.flatMap(({ rights, path }) => (rights === 'r-xp' ? [path] : [])))
  return mappings.flatMap(({ first = '', end = '', rights, path, fields = '' }) => {
    const kilobytes = (field: string): number => Number(new RegExp(`^${field}: +(\\d+) kB$`, 'm').exec(fields)?.[1])
    const isOfProgram = (rights === 'r-xp' || rights === 'r--p') && programs.has(path)
    const isUnwritten = copies.every(field => kilobytes(field) === 0)
    if (!isOfProgram || !isUnwritten || !(kilobytes('Rss') >= leastResidentKilobytes)) return []
    const address = Number.parseInt(first, 16)
    return [{ address, length: Number.parseInt(end, 16) - address }]
  })
}

/** Where a system does not tell of them, nothing is touched. */
const copies = ['Anonymous', 'Swap']

/** Of files only: after the numbers of the device and the file comes its path. */
const mapping =
  /^(?<first>[\da-f]+)-(?<end>[\da-f]+) (?<rights>\S{4}) [\da-f]+ [\da-f]+:[\da-f]+ [1-9]\d* +(?<path>\/.*)\n(?<fields>(?:[A-Z]\w*:.*\n)*)/gm
