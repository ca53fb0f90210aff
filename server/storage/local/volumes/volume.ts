/** What a volume answers at once: calls that need not go through the thread pool, where each costs 40 µs and more. */
import { constants } from 'node:fs'
import { loadLibrary } from '../../../data/kernel/native.ts'
import { statfs } from '../kernel/system.ts'
import { openPath, type Pinned, pinned } from '../tree/pin.ts'
import { inTurn } from './volume-gate.ts'
import type { VolumeGates } from './volume-gates.ts'

/** Opens a path below a directory without following links or leaving the volume. Undefined where that fails or would have to wait: another way is to be taken then, which tells why. */
export type OpenAtOnce = (directory: number, path: string, flags: number) => number | undefined

/** Where files are: in memory, or on a disk of this machine. */
export type VolumeKind = 'memory' | 'disk'

export type Volume = {
  readonly kind: VolumeKind
  /** Number of its device. */
  readonly device: number
  readonly openAtOnce: OpenAtOnce
}

/** The volumes that were seen so far. One for all storages of a server. */
export class Volumes {
  readonly gates: VolumeGates | undefined
  readonly #openat2: Openat2 | undefined
  readonly #known = new Map<number, Volume | undefined>()
  /** Paths of directories that were found on a volume. */
  readonly #remembered = new Set<string>()

  /** Without gates, as many calls are under way as are wanted. */
  constructor(gates?: VolumeGates, openat2: Openat2 | undefined = loadOpenat2()) {
    this.gates = gates
    this.#openat2 = openat2
  }

  /** The volume that a directory is on; undefined for one that may keep its callers waiting, and where `openat2` is missing. */
  async volumeOf(directory: Pinned, path: string): Promise<Volume | undefined> {
    const openat2 = this.#openat2
    if (openat2 === undefined || directory.descriptor === undefined) return undefined
    const device = directory.stats.dev
    if (this.#known.has(device)) return this.#known.get(device)
    const volume = await inTurn(this.gates?.ofDevice(device, path), () => learn(openat2, directory))
    if (this.#known.size < maxKnown) this.#known.set(device, volume)
    return volume
  }

  /** The same if it was seen before. */
  known(directory: Pinned): Volume | undefined {
    return this.#known.get(directory.stats.dev)
  }

  /** Holds a directory that was remembered by its path, if that can be done at once. Links are followed. */
  reopen(path: string): Pinned | undefined {
    if (!this.#remembered.has(path)) return undefined
    const descriptor = this.#openat2?.(workingDirectory, path, openPath | constants.O_DIRECTORY, resolve.cached)
    return descriptor === undefined ? undefined : pinned(descriptor)
  }

  /** Lets `reopen` hold a directory that is on a volume. */
  remember(path: string): void {
    if (this.#remembered.size < maxKnown) this.#remembered.add(path)
  }
}

/** Holds what a path leads to, a link too, if that can be done at once. The empty path is the directory itself. */
export function pinAtOnce(volume: Volume, directory: number, path: string): Pinned | undefined {
  const descriptor = volume.openAtOnce(directory, path === '' ? '.' : path, openPath | constants.O_NOFOLLOW)
  return descriptor === undefined ? undefined : pinned(descriptor)
}

const maxKnown = 256

/** A descriptor, or undefined for any failure. */
type Openat2 = (directory: number, path: string, flags: number, resolve: number) => number | undefined

// Linux, on all architectures that Node supports; node:fs does not name it.
const closeOnExec = 0o2000000
const workingDirectory = -100

// linux/openat2.h. `cached`: fails where something would have to be read from the volume (Linux 5.12).
const resolve = { noMounts: 0x01, noMagicLinks: 0x02, noLinks: 0x04, beneath: 0x08, cached: 0x20 } as const
const confined = resolve.noMounts | resolve.noMagicLinks | resolve.noLinks | resolve.beneath

/** Undefined where calls can't be made. */
function loadOpenat2(): Openat2 | undefined {
  try {
    const syscall = loadLibrary().func('long syscall(long, int, const char *, void *, size_t)')
    const how = new BigUint64Array(3)
    return (directory, path, flags, resolution) => {
      // Native calls take strings as UTF-8.
      if (!path.isWellFormed()) return undefined
      how[0] = BigInt(flags | closeOnExec)
      how[1] = (flags & constants.O_CREAT) === 0 ? 0n : 0o666n
      how[2] = BigInt(resolution)
      const descriptor = syscall(openat2Number, directory, path, how, how.byteLength)
      return descriptor < 0 ? undefined : descriptor
    }
  } catch {
    return undefined
  }
}

// asm/unistd.h: the C library has no function of that name.
const openat2Number = 437

async function learn(openat2: Openat2, directory: Pinned): Promise<Volume | undefined> {
  const type = await statfs(directory.self).then(
    found => found.type,
    () => undefined,
  )
  if (type === undefined) return undefined
  // Some types do not fit into a signed number of 32 bits.
  const kind = kinds.get(type >>> 0)
  if (kind === undefined) return undefined
  // In memory nothing is ever waited for: new files can be made at once as well.
  const resolution = kind === 'memory' ? confined : confined | resolve.cached
  return {
    kind,
    device: directory.stats.dev,
    openAtOnce: (from, path, flags) => openat2(from, path, flags, resolution),
  }
}

// linux/magic.h. Network file systems and FUSE are not here: opening and asking for a status may wait for their servers even when the names are in memory.
const kinds: ReadonlyMap<number, VolumeKind> = new Map([
  // tmpfs, ramfs
  [0x01021994, 'memory'],
  [0x858458f6, 'memory'],
  // ext2 to ext4, XFS, Btrfs, F2FS, ZFS, overlayfs
  [0xef53, 'disk'],
  [0x58465342, 'disk'],
  [0x9123683e, 'disk'],
  [0xf2f52010, 'disk'],
  [0x2fc12fc1, 'disk'],
  [0x794c7630, 'disk'],
])
