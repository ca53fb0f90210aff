/** A directory of the operating system and all below it, entered so that no symbolic link, whenever it appears, leads outside. */
import { Buffer } from 'node:buffer'
import { existsSync } from 'node:fs'
import { errnoOf } from './errno.ts'
import { descriptorDirectory, type Pin, type Pinned, pinByDescriptor, pinByPath, type SystemPath } from './local-pin.ts'
import { readlink } from './local-system.ts'
import { pinAtOnce, type Volume, type VolumeKind, type Volumes } from './local-volume.ts'
import { decodeName, encodeName } from './name.ts'
import { leadsToPartial } from './partials.ts'
import { joinPath, namesOf, parentOf } from './path.ts'
import { StorageError } from './storage.ts'
import { linksInside, namesBelow, namesIn, type SymlinkPolicy } from './symlinks.ts'
import { type Errand, inTurn, type VolumeGate } from './volume-gate.ts'

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

/** A directory that names are looked up below: the tree's own, or an extra one that a link has led to. */
type Root = {
  readonly pinned: Pinned
  /** Real path, as latin1. */
  readonly path: string
  readonly own: boolean
}
/** How far a path is known: names below a root, `..` among them. */
type Way = { readonly root: Root; readonly names: readonly string[] }
/** Extra roots that are held for one operation, by their path. */
type ExtraRoots = Map<string, Root>
type TreeSettings = {
  readonly pin: Pin
  readonly mayLead: MayLead
  readonly symlinks: SymlinkPolicy
  readonly volumes: Volumes | undefined
  /** The tree's own. */
  readonly gate: VolumeGate | undefined
}

type Held = Place & { readonly root: Root; readonly names: readonly string[]; readonly release: () => void }

// Linux has the same: path_resolution(7).
const maxLinks = 40
const maxSteps = 4096

/**
 * All work is done on names in directories that are held by descriptor. A directory is opened by its whole path, and then
 * the system is asked where what was opened is: if not at that path, there are links on the way, and it is entered name by
 * name, following links by hand. So what is checked is what is used.
 */
export class Tree {
  readonly #root: Root
  readonly #pin: Pin
  readonly #mayLead: MayLead
  readonly #symlinks: SymlinkPolicy
  readonly #volumes: Volumes | undefined
  readonly #volume: Volume | undefined
  /** Of the volume that the root is on. */
  readonly gate: VolumeGate | undefined
  #running = 0
  #closed = false
  #ended: (() => void) | undefined

  private constructor(
    root: Pinned,
    volume: Volume | undefined,
    { pin, mayLead, symlinks, volumes, gate }: TreeSettings,
  ) {
    this.#root = ownRoot(root)
    this.#pin = pin
    this.#mayLead = mayLead
    this.#symlinks = symlinks
    this.#volumes = volumes
    this.#volume = volume
    this.gate = gate
  }

  /** Links on the way to the directory and that it is itself are followed. Rejects with system errors. */
  static async open(
    path: string,
    symlinks: SymlinkPolicy = linksInside,
    volumes?: Volumes,
    mayLead: MayLead = () => true,
    gate?: VolumeGate,
  ): Promise<Tree> {
    const reopened = volumes?.reopen(path)
    const pin = reopened !== undefined || existsSync(descriptorDirectory) ? pinByDescriptor : pinByPath
    const opening = gate ?? volumes?.gates?.ofDirectory(path, path)
    const root = directoryOnly(reopened ?? (await inTurn(opening, () => pin(path, 'follow'))))
    const volume = await volumeOf(root, path, volumes)
    if (volume !== undefined) volumes?.remember(path)
    volumes?.gates?.learn(path, root.stats.dev)
    const own = gate ?? volumes?.gates?.ofDevice(root.stats.dev, path)
    return new Tree(root, volume, { pin, mayLead, symlinks, volumes, gate: own })
  }

  /** The tree below a directory of this one, which may be closed then. `where` is its path for the operating system. */
  async below(path: string, where: string, mayLead: MayLead): Promise<Tree> {
    const root = directoryOnly(await this.pin(path))
    const volumes = this.#volumes
    const volume = await volumeOf(root, where, volumes)
    volumes?.gates?.learn(where, root.stats.dev)
    const gate = volumes?.gates?.ofDevice(root.stats.dev, where)
    return new Tree(root, volume, { pin: this.#pin, mayLead, symlinks: this.#symlinks, volumes, gate })
  }

  /** Whether symbolic links lead anywhere. */
  get followsLinks(): boolean {
    return this.#symlinks.policy !== 'deny'
  }

  /** Holds what a path leads to if the system can tell at once, and if there is no link on the way. The caller releases it. */
  pinAtOnce(path: string): Pinned | undefined {
    const { descriptor } = this.#root.pinned
    if (this.#closed || this.#volume === undefined || descriptor === undefined || leadsToPartial(path)) return undefined
    const pinned = pinAtOnce(this.#volume, descriptor, path.slice(1))
    if (pinned?.stats.isSymbolicLink() !== true) return pinned
    pinned.release()
    return undefined
  }

  /** Opens what a path leads to if the system can do it at once, and if there is no link on the way. The caller closes it. */
  openAtOnce(path: string, flags: number): { readonly descriptor: number; readonly volume: VolumeKind } | undefined {
    const volume = this.#volume
    const { descriptor: root } = this.#root.pinned
    if (this.#closed || volume === undefined || root === undefined || path === '/' || leadsToPartial(path))
      return undefined
    const descriptor = volume.openAtOnce(root, path.slice(1), flags)
    return descriptor === undefined ? undefined : { descriptor, volume: volume.kind }
  }

  /** The kind of volume that something below is on, where it is known. */
  volumeKindOf({ stats }: Pinned): VolumeKind | undefined {
    return stats.dev === this.#volume?.device ? this.#volume.kind : undefined
  }

  /** Holds what a path leads to. The caller releases it. */
  async pin(path: string, trail: Trail = newTrail()): Promise<Pinned> {
    const atOnce = this.pinAtOnce(path)
    if (atOnce !== undefined) return atOnce
    return await this.at(
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
    errand: Errand = 'command',
  ): Promise<Result> {
    if (this.#closed) throw closedError()
    const gate = this.#entry
    if (gate === undefined) return await this.within(path, operation, trail)
    this.#running += 1
    try {
      const entering = gate.enter(errand)
      if (entering !== undefined) await entering
      try {
        return await this.within(path, operation, trail)
      } finally {
        gate.leave(errand)
      }
    } finally {
      this.#end()
    }
  }

  /** The same as part of another operation on a place. */
  async within<Result>(
    path: string,
    operation: (place: Place) => Promise<Result | typeof symbolicLink>,
    trail: Trail = newTrail(),
  ): Promise<Result> {
    if (this.#closed && this.#running === 0) throw closedError()
    this.#running += 1
    const extra: ExtraRoots = new Map()
    try {
      let way: Way = { root: this.#root, names: namesOf(path) }
      for (;;) {
        const place = await this.#locate(way, trail, extra, path)
        try {
          if (leadsToPartial(trail.links > 0 ? `/${place.names.join('/')}` : path)) throw new StorageError('not-found')
          if (trail.links > 0 && place.own && !this.#mayLead(path, place.path)) throw new StorageError('not-found')
          const result = await operation(place)
          if (result !== symbolicLink) return result
          const target = await this.#readLink(place.address, trail)
          trail.target ??= this.#shown(target)
          way = await this.#follow(target, { root: place.root, names: place.names.slice(0, -1) }, extra)
        } finally {
          place.release()
        }
      }
    } finally {
      for (const { pinned } of extra.values()) pinned.release()
      this.#end()
    }
  }

  /** Runs what takes places of its own, as part of an operation on a place. */
  outOfTurn<Result>(operation: () => Promise<Result>): Promise<Result> {
    return this.#entry?.without(operation) ?? operation()
  }

  /** In memory nothing is waited for. */
  get #entry(): VolumeGate | undefined {
    return this.#volume?.kind === 'memory' ? undefined : this.gate
  }

  #end(): void {
    this.#running -= 1
    if (this.#running === 0) this.#ended?.()
  }

  /** Waits for what is running: a descriptor's number must not be used again while an address holds it. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#running > 0) await new Promise<void>(resolve => (this.#ended = resolve))
    this.#root.pinned.release()
  }

  async #locate(way: Way, trail: Trail, extra: ExtraRoots, asked: string): Promise<Held> {
    const { names } = way
    const directory = trail.links === 0 && names.length > 1 ? await this.#enterAtOnce(names.slice(0, -1)) : undefined
    if (directory === undefined) return await this.#walk(way, trail, extra, asked)
    return this.#held(directory, way, asked, () => directory.release())
  }

  /** The directory, if there is no link on the way to it; `undefined` also for any failure: going step by step finds the right error, and not one from outside. */
  async #enterAtOnce(names: readonly string[]): Promise<Pinned | undefined> {
    const path = names.join('/')
    const entered = this.pinAtOnce(`/${path}`)
    if (entered?.stats.isDirectory() === true) return entered
    entered?.release()
    const directory = await this.#pin(this.#root.pinned.address(path), 'keep').catch(() => undefined)
    if (directory === undefined) return undefined
    if (directory.stats.isDirectory() && placeOf(directory) === `${this.#root.path}/${latin1(path)}`) return directory
    directory.release()
    return undefined
  }

  async #walk(way: Way, trail: Trail, extra: ExtraRoots, asked: string): Promise<Held> {
    let entered: Pinned | undefined
    let at: readonly string[] = []
    let { root, names: rest } = way
    const restart = (next: Way) => {
      entered?.release()
      entered = undefined
      at = []
      root = next.root
      rest = next.names
    }
    try {
      for (;;) {
        trail.steps += 1
        if (trail.steps > maxSteps) throw new StorageError('not-found')
        const [name, ...deeper] = rest
        const directory = entered ?? root.pinned
        if (name === '..') {
          // Only the targets of links have it, and what was entered so far has no links any more.
          if (at.length > 0) restart({ root, names: [...at.slice(0, -1), ...deeper] })
          else restart(await this.#find(pathAbove(root.path, rest), extra))
        } else if (name === undefined || deeper.length === 0) {
          return this.#held(directory, { root, names: [...at, ...rest] }, asked, () => entered?.release())
        } else {
          const next = await this.#pin(directory.address(name), 'keep')
          if (next.stats.isSymbolicLink()) {
            next.release()
            const target = await this.#readLink(directory.address(name), trail)
            const { root: leadsTo, names } = await this.#follow(target, { root, names: at }, extra)
            restart({ root: leadsTo, names: [...names, ...deeper] })
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

  /** The target as written, as latin1. */
  async #readLink(address: SystemPath, trail: Trail): Promise<string> {
    trail.links += 1
    if (this.#symlinks.policy === 'deny' || trail.links > maxLinks) throw new StorageError('not-found')
    return await readTarget(address)
  }

  /** Where a link in a directory leads. */
  async #follow(target: string, directory: Way, extra: ExtraRoots): Promise<Way> {
    if (target.startsWith('/')) return await this.#find(target, extra)
    return { root: directory.root, names: [...directory.names, ...namesIn(fromLatin1(target))] }
  }

  /** An absolute path is only good if it lies below the real path of the root or below an extra root, as written or as it really is. */
  async #find(path: string, extra: ExtraRoots): Promise<Way> {
    const own = namesBelow(this.#root.path, path)
    if (own !== undefined) return { root: this.#root, names: own.map(fromLatin1) }
    for (const written of this.#symlinks.extraRoots) {
      const root = extra.get(written) ?? (await this.#extraRoot(written))
      if (root === undefined) continue
      extra.set(written, root)
      const names = namesBelow(latin1(written), path) ?? namesBelow(root.path, path)
      if (names !== undefined) return { root, names: names.map(fromLatin1) }
    }
    throw new StorageError('not-found')
  }

  /** `undefined` for one that is missing: the others can be used all the same. */
  async #extraRoot(path: string): Promise<Root | undefined> {
    const pinned = await this.#pin(path, 'follow').catch(() => undefined)
    if (pinned === undefined) return undefined
    if (pinned.stats.isDirectory()) return { pinned, path: realPath(pinned), own: false }
    pinned.release()
    return undefined
  }

  #held(directory: Pinned, { root, names }: Way, asked: string, release: () => void): Held {
    const path = root.own ? `/${names.join('/')}` : asked
    const name = names.at(-1) ?? ''
    const { descriptor, stats } = directory
    const volume = stats.dev === this.#volume?.device ? this.#volume : undefined
    const openAtOnce = (flags: number): number | undefined =>
      descriptor === undefined || name === '' ? undefined : volume?.openAtOnce(descriptor, name, flags)
    const address = directory.address(name)
    const hold = () => this.#hold(directory, volume)
    return {
      address,
      name,
      path,
      own: root.own,
      volume: volume?.kind,
      gate: stats.dev === this.#root.pinned.stats.dev ? this.gate : this.#volumes?.gates?.ofDevice(stats.dev, asked),
      openAtOnce,
      directory,
      hold,
      root,
      names,
      release,
    }
  }

  async #hold(directory: Pinned, volume: Volume | undefined): Promise<HeldDirectory> {
    const atOnce =
      volume === undefined || directory.descriptor === undefined
        ? undefined
        : pinAtOnce(volume, directory.descriptor, '')
    const held = atOnce ?? (await this.#pin(directory.self, 'follow'))
    const { descriptor } = held
    const openAtOnce = (name: string, flags: number): number | undefined =>
      descriptor === undefined ? undefined : volume?.openAtOnce(descriptor, name, flags)
    return { ...held, openAtOnce }
  }

  /** A link's target as the user may see it: no path of the operating system. */
  #shown(target: string): string | undefined {
    if (!target.startsWith('/')) return fromLatin1(target)
    if (namesBelow(this.#root.path, target) === undefined) return undefined
    return fromLatin1(target.slice(this.#root.path.length)) || '/'
  }
}

async function volumeOf(root: Pinned, path: string, volumes: Volumes | undefined): Promise<Volume | undefined> {
  try {
    return await volumes?.volumeOf(root, path)
  } catch (error) {
    root.release()
    throw error
  }
}

function closedError(): StorageError {
  return new StorageError('failed', { cause: new Error('the storage is closed') })
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

/** The absolute path, as latin1, of names that begin with `..`, seen from a real path: there are no links on the way up. */
function pathAbove(root: string, names: readonly string[]): string {
  const downwards = names.findIndex(name => name !== '..')
  const up = downwards === -1 ? names.length : downwards
  let directory = root
  for (let step = 0; step < up; step += 1) directory = parentOf(directory)
  return joinPath(directory, latin1(names.slice(up).join('/')))
}

/** Most trees never need their path: it is asked for when a link is met. */
function ownRoot(pinned: Pinned): Root {
  let path: string | undefined
  return {
    pinned,
    get path() {
      path ??= realPath(pinned)
      return path
    },
    own: true,
  }
}

/** Without the slash of the system's root. */
function realPath(pinned: Pinned): string {
  return pinned.where().replace(/^\/$/, '')
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

function latin1(path: string): string {
  return encodeName(path).toString('latin1')
}

function fromLatin1(bytes: string): string {
  return decodeName(Buffer.from(bytes, 'latin1'))
}
