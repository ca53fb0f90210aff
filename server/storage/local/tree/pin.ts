/** Holding on to a file or directory itself, whatever happens to its name meanwhile. */
import { Buffer } from 'node:buffer'
import { closeSync, constants, fstatSync, readlinkSync, realpathSync, type Stats } from 'node:fs'
import { encodeName } from '../../name.ts'
import { lstat, open } from '../kernel/system.ts'

/** A path for node:fs: a string, or bytes where the name is not UTF-8. */
export type SystemPath = string | Buffer

export type Pinned = {
  /** The object itself, for node:fs. */
  readonly self: SystemPath
  readonly stats: Stats
  /** For calls relative to it, where it is held by one. */
  readonly descriptor?: number
  /** Where it is now, byte for byte as latin1. */
  where(): string
  /** A name in it, for node:fs; the empty name is the directory itself. */
  address(name: string): SystemPath
  /** Must be called when nothing that uses an address is under way any more; the second time it does nothing. */
  release(): void
}

/** Rejects with system errors. Where links are kept, a symbolic link is pinned itself. */
export type Pin = (path: SystemPath, links: 'follow' | 'keep') => Promise<Pinned>

export const descriptorDirectory = '/proc/self/fd'

// Linux, on all architectures that Node supports; node:fs does not name it. Such a descriptor stands for a place: opening it needs no permission to read and never touches a FIFO or device.
export const openPath = 0o10000000

/** Linux: what `/proc/self/fd/N` leads to is the object that was opened, and nothing else. */
export const pinByDescriptor: Pin = async (path, links) => {
  return pinned(await open(path, openPath | (links === 'keep' ? constants.O_NOFOLLOW : 0)))
}

/** Takes over a descriptor. */
export function pinned(descriptor: number): Pinned {
  const self = `${descriptorDirectory}/${descriptor}`
  let held = true
  return {
    self,
    descriptor,
    stats: fstatSync(descriptor),
    where: () => readlinkSync(self, 'latin1'),
    address: name => join(self, name),
    release: () => {
      // By a second close, another file that has got the number would be closed.
      if (held) closeSync(descriptor)
      held = false
    },
  }
}

/** Elsewhere, for development only: a name that is changed between check and use is not noticed. */
export const pinByPath: Pin = async (path, links) => {
  const real = links === 'follow' ? realpathSync(path, 'buffer') : path
  return {
    self: real,
    stats: await lstat(real),
    where: () => realpathSync(real, 'buffer').toString('latin1'),
    address: name => join(real, name),
    release: () => undefined,
  }
}

function join(directory: SystemPath, name: string): SystemPath {
  const last = name === '' ? '.' : name
  if (typeof directory === 'string' && last.isWellFormed()) return `${directory}/${last}`
  return Buffer.concat([Buffer.from(directory), Buffer.from('/'), encodeName(last)])
}
