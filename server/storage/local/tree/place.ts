/** A name in a directory that is held, and what an operation on it may do there. */

import type { VolumeKind } from '../volumes/volume.ts'
import type { VolumeGate } from '../volumes/volume-gate.ts'
import type { Pinned, SystemPath } from './pin.ts'

/** What an operation answers when its place turns out to be a symbolic link: it is run again where the link leads. */
export const symbolicLink = Symbol('symbolic link')

/** A name in a directory that is held. */
export type Place = {
  /** For node:fs, which must not follow a link there. */
  readonly address: SystemPath
  /** The name itself; empty for the top. */
  readonly name: string
  /** The virtual path, without links but for the last name; in an extra root, which has no virtual path, the one that was asked for. */
  readonly path: string
  /** Whether it lies below the tree's own root, not in an extra one. */
  readonly own: boolean
  /** Undefined where what is there may keep its callers waiting. */
  readonly volume: VolumeKind | undefined
  /** What is done with open files waits here for its turn. */
  readonly gate: VolumeGate | undefined
  /** Opens it without following a link; undefined where that fails or would have to wait: open the address then. */
  readonly openAtOnce: (flags: number) => number | undefined
  /** The directory it is in, as long as the operation runs. */
  readonly directory: Omit<Pinned, 'release'>
  /** Holds the directory for longer. The caller releases it. */
  readonly hold: () => Promise<HeldDirectory>
}

/** A directory that is held beyond the operation that found it. */
export type HeldDirectory = Pinned & {
  /** As that of a place, for a name in the directory. */
  readonly openAtOnce: (name: string, flags: number) => number | undefined
}

/** Whether a path that goes through symbolic links may lead to another one; both are virtual. */
export type MayLead = (path: string, target: string) => boolean

/** What was followed so far on the way to a place. */
export type Trail = {
  links: number
  steps: number
  /** Where the last name is a link: its target, as virtual path if it is absolute. */
  target?: string | undefined
}

export function newTrail(): Trail {
  return { links: 0, steps: 0 }
}
