/** Directories that names are looked up below, by their real paths. */
import { Buffer } from 'node:buffer'
import { decodeName, encodeName } from '../../name.ts'
import { StorageError } from '../../storage.ts'
import type { Pinned } from './pin.ts'

/** A directory that names are looked up below: the tree's own, or an extra one that a link has led to. */
export type Root = {
  readonly pinned: Pinned
  /** Real path, as latin1. */
  readonly path: string
  readonly own: boolean
}

/** Most trees never need their path: it is asked for when a link is met. */
export function ownRoot(pinned: Pinned): Root {
  return new OwnRoot(pinned)
}

/** Not a literal with a getter, which V8 makes anew each time, in its old generation. */
class OwnRoot implements Root {
  readonly pinned: Pinned
  readonly own = true
  #path: string | undefined

  constructor(pinned: Pinned) {
    this.pinned = pinned
  }

  get path(): string {
    this.#path ??= realPath(this.pinned)
    return this.#path
  }
}

/** Without the slash of the system's root. */
export function realPath(pinned: Pinned): string {
  return pinned.where().replace(/^\/$/, '')
}

/** Releases what is no directory, and throws `not-a-directory`. */
export function directoryOnly(pinned: Pinned): Pinned {
  if (pinned.stats.isDirectory()) return pinned
  pinned.release()
  throw new StorageError('not-a-directory')
}

/** Paths of the operating system as strings of one character a byte. */
export function latin1(path: string): string {
  return encodeName(path).toString('latin1')
}

export function fromLatin1(bytes: string): string {
  return decodeName(Buffer.from(bytes, 'latin1'))
}
