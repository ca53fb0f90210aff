/** A directory of the operating system and all below it, entered so that no symbolic link, whenever it appears, leads outside. */
import { Buffer } from 'node:buffer'
import { existsSync } from 'node:fs'
import { errnoOf } from './errno.ts'
import { descriptorDirectory, type Pin, type Pinned, pinByDescriptor, pinByPath, type SystemPath } from './local-pin.ts'
import { readlink } from './local-system.ts'
import { decodeName, encodeName } from './name.ts'
import { namesOf, parentOf } from './path.ts'
import { StorageError } from './storage.ts'

/** What an operation answers when its place turns out to be a symbolic link: it is run again where the link leads. */
export const symbolicLink = Symbol('symbolic link')

/** A name in a directory that is held. */
export type Place = {
  /** For node:fs, which must not follow a link there. */
  readonly address: SystemPath
  /** The virtual path, without links but for the last name. */
  readonly path: string
}

/** Whether a path that goes through symbolic links may lead to another one; both are virtual. */
export type MayLead = (path: string, target: string) => boolean

/** What was followed so far on the way to a place. */
export type Trail = {
  links: number
  steps: number
  /** Where the last name is a link: its target, as virtual path if it is absolute. */
  target?: string
}

type Held = Place & { readonly release: () => void }

// Linux has the same: path_resolution(7).
const maxLinks = 40
const maxSteps = 4096

/**
 * All work is done on names in directories that are held by descriptor. A directory is opened by its whole path, and then
 * the system is asked where what was opened is: if not at that path, there are links on the way, and it is entered name by
 * name, following links by hand. So what is checked is what is used.
 */
export class Tree {
  readonly #root: Pinned
  /** Its real path, as latin1. */
  readonly #rootPath: string
  readonly #pin: Pin
  readonly #mayLead: MayLead
  #running = 0
  #closed = false
  #ended: (() => void) | undefined

  private constructor(root: Pinned, pin: Pin, mayLead: MayLead) {
    this.#root = root
    this.#rootPath = root.where().replace(/^\/$/, '')
    this.#pin = pin
    this.#mayLead = mayLead
  }

  /** Links on the way to the directory and that it is itself are followed. Rejects with system errors. */
  static async open(path: string): Promise<Tree> {
    const pin = existsSync(descriptorDirectory) ? pinByDescriptor : pinByPath
    return new Tree(directoryOnly(await pin(path, 'follow')), pin, () => true)
  }

  /** The tree below a directory of this one, which may be closed then. */
  async below(path: string, mayLead: MayLead): Promise<Tree> {
    return new Tree(directoryOnly(await this.pin(path)), this.#pin, mayLead)
  }

  /** Holds what a path leads to. The caller releases it. */
  pin(path: string, trail: Trail = newTrail()): Promise<Pinned> {
    return this.at(
      path,
      async ({ address }) => {
        const pinned = await this.#pin(address, 'keep')
        if (!pinned.stats.isSymbolicLink()) return pinned
        pinned.release()
        return symbolicLink
      },
      trail,
    )
  }

  /** Runs an operation on the place a path leads to. Rejects with what it rejects with, with system errors and StorageErrors. */
  async at<Result>(
    path: string,
    operation: (place: Place) => Promise<Result | typeof symbolicLink>,
    trail: Trail = newTrail(),
  ): Promise<Result> {
    if (this.#closed) throw new StorageError('failed', { cause: new Error('the storage is closed') })
    this.#running += 1
    try {
      let names = namesOf(path)
      for (;;) {
        const place = await this.#locate(names, trail)
        try {
          if (trail.links > 0 && !this.#mayLead(path, place.path)) throw new StorageError('not-found')
          const result = await operation(place)
          if (result !== symbolicLink) return result
          const target = await this.#readLink(place.address, trail)
          trail.target ??= target.shown
          names = target.from(namesOf(parentOf(place.path)))
        } finally {
          place.release()
        }
      }
    } finally {
      this.#running -= 1
      if (this.#running === 0) this.#ended?.()
    }
  }

  /** Waits for what is running: a descriptor's number must not be used again while an address holds it. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#running > 0) await new Promise<void>(resolve => (this.#ended = resolve))
    this.#root.release()
  }

  async #locate(names: readonly string[], trail: Trail): Promise<Held> {
    const directory = trail.links === 0 && names.length > 1 ? await this.#enterAtOnce(names.slice(0, -1)) : undefined
    if (directory === undefined) return await this.#walk(names, trail)
    return held(directory, names.slice(0, -1), names.at(-1) ?? '', () => directory.release())
  }

  /** The directory, if there is no link on the way to it; `undefined` also for any failure: going step by step finds the right error, and not one from outside. */
  async #enterAtOnce(names: readonly string[]): Promise<Pinned | undefined> {
    const path = names.join('/')
    const directory = await this.#pin(this.#root.address(path), 'keep').catch(() => undefined)
    if (directory === undefined) return undefined
    if (directory.stats.isDirectory() && placeOf(directory) === `${this.#rootPath}/${latin1(path)}`) return directory
    directory.release()
    return undefined
  }

  async #walk(names: readonly string[], trail: Trail): Promise<Held> {
    let entered: Pinned | undefined
    let at: readonly string[] = []
    let rest = names
    const restart = (path: readonly string[]) => {
      entered?.release()
      entered = undefined
      at = []
      rest = path
    }
    try {
      for (;;) {
        trail.steps += 1
        if (trail.steps > maxSteps) throw new StorageError('not-found')
        const [name, ...deeper] = rest
        const directory = entered ?? this.#root
        if (name === '..') {
          // Only the targets of links have it, and what was entered so far has no links any more.
          if (at.length === 0) throw new StorageError('not-found')
          restart([...at.slice(0, -1), ...deeper])
        } else if (name === undefined || deeper.length === 0) {
          return held(directory, at, name ?? '', () => entered?.release())
        } else {
          const next = await this.#pin(directory.address(name), 'keep')
          if (next.stats.isSymbolicLink()) {
            next.release()
            const target = await this.#readLink(directory.address(name), trail)
            restart([...target.from(at), ...deeper])
          } else {
            const deeperDirectory = directoryOnly(next)
            entered?.release()
            entered = deeperDirectory
            at = [...at, name]
            rest = deeper
          }
        }
      }
    } catch (error) {
      entered?.release()
      throw error
    }
  }

  async #readLink(address: SystemPath, trail: Trail): Promise<LinkTarget> {
    trail.links += 1
    if (trail.links > maxLinks) throw new StorageError('not-found')
    return linkTarget(await readTarget(address), this.#rootPath)
  }
}

type LinkTarget = {
  readonly shown: string
  /** Names from the root, seen from the link's directory; may hold `..`. */
  readonly from: (directory: readonly string[]) => string[]
}

/** An absolute target is only good if it lies below the real path of the root. */
function linkTarget(target: string, rootPath: string): LinkTarget {
  if (!target.startsWith('/')) return { shown: fromLatin1(target), from: directory => [...directory, ...split(target)] }
  if (target !== rootPath && !target.startsWith(`${rootPath}/`)) throw new StorageError('not-found')
  const inside = target.slice(rootPath.length)
  return { shown: fromLatin1(inside) || '/', from: () => split(inside) }
}

async function readTarget(address: SystemPath): Promise<string> {
  try {
    return await readlink(address, 'latin1')
  } catch (error) {
    // It was a link a moment ago.
    throw errnoOf(error) === 'EINVAL' ? new StorageError('busy', { cause: error }) : error
  }
}

function newTrail(): Trail {
  return { links: 0, steps: 0 }
}

function held(directory: Pinned, at: readonly string[], name: string, release: () => void): Held {
  const names = name === '' ? at : [...at, name]
  return { address: directory.address(name), path: `/${names.join('/')}`, release }
}

function directoryOnly(pinned: Pinned): Pinned {
  if (pinned.stats.isDirectory()) return pinned
  pinned.release()
  throw new StorageError('not-a-directory')
}

function placeOf(directory: Pinned): string | undefined {
  try {
    return directory.where()
  } catch {
    // Too long for the system to tell.
    return undefined
  }
}

function split(path: string): string[] {
  return fromLatin1(path)
    .split('/')
    .filter(name => name !== '' && name !== '.')
}

function latin1(path: string): string {
  return encodeName(path).toString('latin1')
}

function fromLatin1(bytes: string): string {
  return decodeName(Buffer.from(bytes, 'latin1'))
}
