/** A directory of the operating system and all below it, entered so that no symbolic link, whenever it appears, leads outside. */
import { existsSync } from 'node:fs'
import { StorageError } from '../../storage.ts'
import { leadsToPartial } from '../uploads/partials.ts'
import { pinAtOnce, type Volume, type VolumeKind, type Volumes } from '../volumes/volume.ts'
import { type Errand, inTurn, type VolumeGate } from '../volumes/volume-gate.ts'
import { descriptorDirectory, type Pin, type Pinned, pinByDescriptor, pinByPath } from './pin.ts'
import { type HeldDirectory, type MayLead, newTrail, type Place, symbolicLink, type Trail } from './place.ts'
import { type Located, Resolution, type ResolutionSettings } from './resolution.ts'
import { directoryOnly, ownRoot, type Root } from './root.ts'
import { linksInside, type SymlinkPolicy } from './symlinks.ts'

type TreeSettings = {
  readonly pin: Pin
  readonly mayLead: MayLead
  readonly symlinks: SymlinkPolicy
  readonly volumes: Volumes | undefined
  /** The tree's own. */
  readonly gate: VolumeGate | undefined
}

/** All work is done on names in directories that are held by descriptor, which resolution.ts finds. */
export class Tree {
  readonly #root: Root
  readonly #pin: Pin
  readonly #mayLead: MayLead
  readonly #symlinks: SymlinkPolicy
  readonly #volumes: Volumes | undefined
  readonly #volume: Volume | undefined
  readonly #resolution: ResolutionSettings
  /** Of the volume that the root is on. */
  readonly gate: VolumeGate | undefined
  #running = 0
  #closed = false
  #ended: (() => void) | undefined

  /** Takes over the root. */
  constructor(root: Pinned, volume: Volume | undefined, { pin, mayLead, symlinks, volumes, gate }: TreeSettings) {
    this.#root = ownRoot(root)
    this.#pin = pin
    this.#mayLead = mayLead
    this.#symlinks = symlinks
    this.#volumes = volumes
    this.#volume = volume
    this.gate = gate
    this.#resolution = { root: this.#root, pin, pinAtOnce: path => this.pinAtOnce(path), symlinks }
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

  /** The same where nothing has to be waited for; undefined elsewhere, and for whatever can't be opened. */
  static openAtOnce(
    path: string,
    symlinks: SymlinkPolicy = linksInside,
    volumes?: Volumes,
    mayLead: MayLead = () => true,
  ): Tree | undefined {
    const root = volumes?.reopen(path)
    return root && treeAtOnce(root, path, { pin: pinByDescriptor, mayLead, symlinks, volumes })
  }

  /** The same as `below`. */
  belowAtOnce(path: string, where: string, mayLead: MayLead): Tree | undefined {
    const root = this.pinAtOnce(path)
    const settings = { pin: this.#pin, mayLead, symlinks: this.#symlinks, volumes: this.#volumes }
    return root && treeAtOnce(root, where, settings)
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
    const resolution = new Resolution(this.#resolution, path, trail)
    try {
      for (;;) {
        const located = await resolution.locate()
        try {
          const place = this.#placeAt(located, path)
          if (leadsToPartial(trail.links > 0 ? `/${located.names.join('/')}` : path))
            throw new StorageError('not-found')
          if (trail.links > 0 && place.own && !this.#mayLead(path, place.path)) throw new StorageError('not-found')
          const result = await operation(place)
          if (result !== symbolicLink) return result
          await resolution.follow(located)
        } finally {
          located.release()
        }
      }
    } finally {
      resolution.release()
      this.#end()
    }
  }

  /** Runs what takes places of its own, as part of an operation on a place. */
  outOfTurn<Result>(operation: () => Promise<Result>): Promise<Result> {
    return this.#entry?.without(operation) ?? operation()
  }

  /** Nothing is waited for there. */
  get isInMemory(): boolean {
    return this.#volume?.kind === 'memory'
  }

  get #entry(): VolumeGate | undefined {
    return this.isInMemory ? undefined : this.gate
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

  #placeAt({ directory, root, names }: Located, asked: string): Place {
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
}

/** Takes over the root. Undefined where it is no directory, or on a volume that was not seen before. */
function treeAtOnce(root: Pinned, where: string, settings: Omit<TreeSettings, 'gate'>): Tree | undefined {
  const { pin, mayLead, symlinks, volumes } = settings
  const volume = root.stats.isDirectory() ? volumes?.known(root) : undefined
  if (volume === undefined) {
    root.release()
    return undefined
  }
  const { dev } = root.stats
  volumes?.gates?.learn(where, dev)
  return new Tree(root, volume, { pin, mayLead, symlinks, volumes, gate: volumes?.gates?.ofDevice(dev, where) })
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
