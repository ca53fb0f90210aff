/** Linux's getdents64(2): the names in a directory, without an object for each of them. */
import { Buffer } from 'node:buffer'
import { createRequire as requireFrom } from 'node:module'
import { constants, endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { decodeName } from '../../name.ts'
import { targetOfPartial } from '../uploads/partials.ts'

/** Reads as much of an open directory as fits into the buffer. The bytes that were filled, 0 at the end; system errors. */
export type Getdents = {
  readonly atOnce: (descriptor: number, into: Uint8Array) => number
  /** Through the thread pool. */
  readonly inTurn: (descriptor: number, into: Uint8Array) => Promise<number>
}

/** Undefined where the package `koffi` or the call is not there, and on anything but Linux. */
export function loadGetdents(): Getdents | undefined {
  // What a big-endian machine would answer is not taken apart here.
  if (endianness() !== 'LE') return undefined
  try {
    return createGetdents(requireFrom(import.meta.url)('koffi'))
  } catch {
    return undefined
  }
}

/** A buffer with so much room takes any name. */
export const roomForName = 280

/** The names in the bytes that getdents has filled, but for `.`, `..` and uploads that are not whole. */
export function namesIn(buffer: Buffer, filled: number): string[] {
  const names: string[] = []
  // One character a byte: names are cut out of one string.
  const records = buffer.toString('latin1', 0, filled)
  let next = 0
  while (next < records.length) next = takeNames(records, next, names)
  // Most directories have none that needs more than one look at all of them.
  return ascii.test(names.join('')) ? names : names.map(decoded)
}

/** A loop over a whole directory is replaced by better code while it runs: a function for a few names is called often instead. */
const namesAtOnce = 32

/** Takes some names, one character a byte, and returns where the next record begins. */
function takeNames(records: string, first: number, names: string[]): number {
  let next = first
  for (let taken = 0; taken < namesAtOnce && next < records.length; taken++) {
    const start = next + at.name
    next += records.charCodeAt(next + at.length) + 256 * records.charCodeAt(next + at.length + 1)
    const name = records.slice(start, records.indexOf('\0', start))
    if (name.charCodeAt(0) !== dot || isOrdinary(name)) names.push(name)
  }
  return next
}

const ascii = /^[\x01-\x7f]*$/
const dot = 0x2e

function decoded(name: string): string {
  return ascii.test(name) ? name : decodeName(Buffer.from(name, 'latin1'))
}

function isOrdinary(name: string): boolean {
  return name !== '.' && name !== '..' && targetOfPartial(name) === undefined
}

// linux/dirent.h: an inode, an offset, the length of the record, a type, and the name, which ends with NUL.
const at = { length: 16, name: 19 }

/** The calls of `koffi` that are needed here. */
type NativeCalls = {
  readonly load: (library: null) => { readonly func: (definition: string) => NativeGetdents }
  readonly errno: () => number
}
type NativeGetdents = {
  (descriptor: number, into: Uint8Array, bytes: number): number
  readonly async: (
    descriptor: number,
    into: Uint8Array,
    bytes: number,
    done: (error: unknown, filled: number) => void,
  ) => void
}

function createGetdents(native: NativeCalls): Getdents {
  const getdents = native.load(null).func('long getdents64(int, void *, size_t)')
  const atOnce = (descriptor: number, into: Uint8Array): number => {
    const filled = getdents(descriptor, into, into.length)
    if (filled >= 0) return filled
    const errno = native.errno()
    // The directory was removed: nothing is in it.
    if (errno === constants.errno.ENOENT) return 0
    throw Object.assign(new Error('getdents64 failed'), { code: getSystemErrorName(-errno) })
  }
  const inTurn = async (descriptor: number, into: Uint8Array): Promise<number> => {
    const filled = await new Promise<number>((resolve, reject) => {
      getdents.async(descriptor, into, into.length, (error, count) => (error ? reject(error) : resolve(count)))
    })
    // Why it failed, another thread knows: a volume that has answered is asked again.
    return filled >= 0 ? filled : atOnce(descriptor, into)
  }
  return { atOnce, inTurn }
}
