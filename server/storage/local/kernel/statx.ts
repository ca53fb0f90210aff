/** Linux's statx(2), by descriptor and name: half of what lstat of a path through /proc costs, or less. */
import { Buffer } from 'node:buffer'
import { createRequire as requireFrom } from 'node:module'
import { constants } from 'node:os'
import { keepKind } from '../../../kinds.ts'
import type { Entry, EntryType } from '../../storage.ts'

/** What a name in a directory is. `unknown`: this way can't tell, another has to be asked. */
export type Found = Entry | 'link' | 'gone'
export type Statx = (descriptor: number, name: string) => Found | 'unknown'

/** The calls of `koffi` that are needed here. */
type NativeCalls = {
  readonly load: (library: null) => {
    readonly func: (
      definition: string,
    ) => (descriptor: number, name: string, flags: number, mask: number, into: Uint8Array) => number
  }
  readonly errno: () => number
}

/** Undefined where the package `koffi` is not there, and on anything but Linux. */
export function loadStatx(): Statx | undefined {
  try {
    return createStatx(requireFrom(import.meta.url)('koffi'))
  } catch {
    return undefined
  }
}

/** Undefined where the C library has no such call. */
function createStatx(native: NativeCalls): Statx | undefined {
  const statx = declared(native)
  if (statx === undefined) return undefined
  const bytes = Buffer.allocUnsafeSlow(statxBytes)
  const words = new Uint32Array(bytes.buffer)
  const signed = new Int32Array(bytes.buffer)
  const word = (index: number) => words[index] ?? 0
  const long = (index: number) => word(index) + word(index + 1) * twoTo32
  const identity = identities()
  return (descriptor, name) => {
    // Native calls take strings as UTF-8.
    if (!name.isWellFormed()) return 'unknown'
    if (statx(descriptor, name, noFollow, basicStats, bytes) !== 0) {
      return native.errno() === constants.errno.ENOENT ? 'gone' : 'unknown'
    }
    const mode = word(at.mode) & 0xffff
    const format = mode & typeBits
    if (format === symbolicLinkBits) return 'link'
    const inode = long(at.inode)
    if (!Number.isSafeInteger(inode)) return 'unknown'
    const seconds = word(at.modified) + (signed[at.modified + 1] ?? 0) * twoTo32
    const modified = seconds * 1000 + Math.floor(word(at.modified + 2) / 1e6)
    const unique = identity(word(at.deviceMajor), word(at.deviceMinor), inode)
    const entry = new FoundEntry(name, typeOf(format), long(at.size), modified, unique)
    entry.mode = mode & 0o7777
    entry.links = word(at.links)
    entry.owner = word(at.owner)
    entry.group = word(at.group)
    return entry
  }
}

/**
 * Objects of a class are always made among the young ones. V8 makes literals among the old ones once many have lived for
 * a while, as those of a sorted listing do, and then those of all others stay until the next collection of everything.
 */
class FoundEntry implements Entry {
  readonly name: string
  readonly type: EntryType
  readonly size: number
  readonly modified: number
  readonly unique: string
  mode = 0
  links = 0
  owner = 0
  group = 0
  readonly linkTarget = undefined

  constructor(name: string, type: EntryType, size: number, modified: number, unique: string) {
    this.name = name
    this.type = type
    this.size = size
    this.modified = modified
    this.unique = unique
  }
}

// linux/stat.h: struct statx is the same on all architectures. Places in words of 32 bits; the mode is the first half of its own.
const statxBytes = 256
const at = { links: 4, owner: 5, group: 6, mode: 7, inode: 8, size: 10, modified: 28, deviceMajor: 34, deviceMinor: 35 }
const noFollow = 0x100
const basicStats = 0x7ff
const typeBits = 0o170000
const symbolicLinkBits = 0o120000
const fileBits = 0o100000
const directoryBits = 0o040000
const twoTo32 = 4_294_967_296

function declared(native: NativeCalls) {
  // What a big-endian machine would answer is not taken apart here.
  if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) return undefined
  try {
    return native.load(null).func('int statx(int, const char *, int, unsigned int, void *)')
  } catch {
    return undefined
  }
}

function typeOf(format: number): EntryType {
  if (format === fileBits) return 'file'
  return format === directoryBits ? 'directory' : 'other'
}

/** As identityOf writes it. Neighbours in a directory differ in the last digits of their inodes, as a rule: the others are remembered. */
function identities(): (major: number, minor: number, inode: number) => string {
  const lastDigits = Array.from({ length: 256 }, (_, low) => low.toString(16).padStart(2, '0'))
  let lastMajor = -1
  let lastMinor = -1
  let lastHigh = -1
  let prefix = ''
  return (major, minor, inode) => {
    const high = Math.floor(inode / 256)
    if (major !== lastMajor || minor !== lastMinor || high !== lastHigh) {
      lastMajor = major
      lastMinor = minor
      lastHigh = high
      prefix = `${deviceOf(major, minor).toString(16)}-${high.toString(16)}`
    }
    if (high > 0) return prefix + (lastDigits[inode - high * 256] ?? '')
    return `${deviceOf(major, minor).toString(16)}-${inode.toString(16)}`
  }
}

/** makedev(3): the number that stat(2) has for a device, since MLST tells what it says. */
function deviceOf(major: number, minor: number): number {
  const high = ((major & 0xfffff000) >>> 0) * twoTo32 + ((minor & 0xffffff00) >>> 0) * 4096
  return high + (major & 0xfff) * 256 + (minor & 0xff)
}

keepKind(() => new FoundEntry('', 'file', 0, 0.5, ''))
