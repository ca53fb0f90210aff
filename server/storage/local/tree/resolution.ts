/** The way from a path to the directory that its last name is in, on which every link is followed by hand. */
import { keepKind } from '../../../kinds.ts'
import { joinPath, namesOf, parentOf } from '../../path.ts'
import { StorageError } from '../../storage.ts'
import { errnoOf } from '../kernel/errno.ts'
import { readlink } from '../kernel/system.ts'
import type { Pin, Pinned, SystemPath } from './pin.ts'
import type { Trail } from './place.ts'
import { directoryOnly, fromLatin1, latin1, type Root, realPath } from './root.ts'
import { namesBelow, namesIn, type SymlinkPolicy } from './symlinks.ts'

export type ResolutionSettings = {
  /** The tree's own. */
  readonly root: Root
  readonly pin: Pin
  /** Without waiting and without links; undefined where that can't be. */
  readonly pinAtOnce: (path: string) => Pinned | undefined
  readonly symlinks: SymlinkPolicy
}

/** How far a path is known: names below a root, `..` among them. */
type Way = { readonly root: Root; readonly names: readonly string[] }

/** A directory on the way, which is held, and the names from its root to the last one, which is in it. */
export type Located = Way & { readonly directory: Pinned; readonly release: () => void }

/**
 * One operation on a path. A directory is opened by its whole path, and then the system is asked where what was opened is:
 * if not at that path, there are links on the way, and it is entered name by name. So what is checked is what is used.
 */
export class Resolution {
  readonly #settings: ResolutionSettings
  readonly #trail: Trail
  /** Extra roots that are held for the operation, by their path. */
  readonly #extra = new Map<string, Root>()
  #way: Way

  constructor(settings: ResolutionSettings, path: string, trail: Trail) {
    this.#settings = settings
    this.#trail = trail
    this.#way = { root: settings.root, names: namesOf(path) }
  }

  /** Rejects with system errors and StorageErrors. The caller releases what it gets. */
  async locate(): Promise<Located> {
    const { root, names } = this.#way
    const isDirect = this.#trail.links === 0 && names.length > 1
    const directory = isDirect ? await this.#enterAtOnce(names.slice(0, -1)) : undefined
    return directory === undefined ? await this.#walk() : { directory, root, names, release: () => directory.release() }
  }

  /** The last name has turned out to be a link: what is located next is where it leads. */
  async follow({ directory, root, names }: Located): Promise<void> {
    const target = await this.#readLink(directory.address(names.at(-1) ?? ''))
    this.#trail.target ??= this.#shown(target)
    this.#way = await this.#leadsTo(target, { root, names: names.slice(0, -1) })
  }

  release(): void {
    for (const { pinned } of this.#extra.values()) pinned.release()
  }

  /** The directory, if there is no link on the way to it; `undefined` also for any failure: going step by step finds the right error, and not one from outside. */
  async #enterAtOnce(names: readonly string[]): Promise<Pinned | undefined> {
    const path = names.join('/')
    const entered = this.#settings.pinAtOnce(`/${path}`)
    if (entered?.stats.isDirectory() === true) return entered
    entered?.release()
    const directory = await this.#settings.pin(this.#settings.root.pinned.address(path), 'keep').catch(() => undefined)
    if (directory === undefined) return undefined
    if (directory.stats.isDirectory() && placeOf(directory) === `${this.#settings.root.path}/${latin1(path)}`)
      return directory
    directory.release()
    return undefined
  }

  async #walk(): Promise<Located> {
    let entered: Pinned | undefined
    let at: readonly string[] = []
    let { root, names: rest } = this.#way
    const restart = (next: Way) => {
      entered?.release()
      entered = undefined
      at = []
      root = next.root
      rest = next.names
    }
    try {
      for (;;) {
        this.#trail.steps += 1
        if (this.#trail.steps > maxSteps) throw new StorageError('not-found')
        const [name, ...deeper] = rest
        const directory = entered ?? root.pinned
        if (name === '..') {
          // Only the targets of links have it, and what was entered so far has no links any more.
          if (at.length > 0) restart({ root, names: [...at.slice(0, -1), ...deeper] })
          else restart(await this.#find(pathAbove(root.path, rest)))
        } else if (name === undefined || deeper.length === 0) {
          return { directory, root, names: [...at, ...rest], release: () => entered?.release() }
        } else {
          const next = await this.#settings.pin(directory.address(name), 'keep')
          if (next.stats.isSymbolicLink()) {
            next.release()
            const target = await this.#readLink(directory.address(name))
            const { root: leadsTo, names } = await this.#leadsTo(target, { root, names: at })
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
  async #readLink(address: SystemPath): Promise<string> {
    this.#trail.links += 1
    if (this.#settings.symlinks.policy === 'deny' || this.#trail.links > maxLinks) throw new StorageError('not-found')
    return await readTarget(address)
  }

  /** Where a link in a directory leads. */
  async #leadsTo(target: string, directory: Way): Promise<Way> {
    if (target.startsWith('/')) return await this.#find(target)
    return { root: directory.root, names: [...directory.names, ...namesIn(fromLatin1(target))] }
  }

  /** An absolute path is only good if it lies below the real path of the root or below an extra root, as written or as it really is. */
  async #find(path: string): Promise<Way> {
    const { root: ownRoot } = this.#settings
    const own = namesBelow(ownRoot.path, path)
    if (own !== undefined) return { root: ownRoot, names: own.map(fromLatin1) }
    for (const written of this.#settings.symlinks.extraRoots) {
      const root = this.#extra.get(written) ?? (await this.#extraRoot(written))
      if (root === undefined) continue
      this.#extra.set(written, root)
      const names = namesBelow(latin1(written), path) ?? namesBelow(root.path, path)
      if (names !== undefined) return { root, names: names.map(fromLatin1) }
    }
    throw new StorageError('not-found')
  }

  /** `undefined` for one that is missing: the others can be used all the same. */
  async #extraRoot(path: string): Promise<Root | undefined> {
    const pinned = await this.#settings.pin(path, 'follow').catch(() => undefined)
    if (pinned === undefined) return undefined
    if (pinned.stats.isDirectory()) return { pinned, path: realPath(pinned), own: false }
    pinned.release()
    return undefined
  }

  /** A link's target as the user may see it: no path of the operating system. */
  #shown(target: string): string | undefined {
    if (!target.startsWith('/')) return fromLatin1(target)
    if (namesBelow(this.#settings.root.path, target) === undefined) return undefined
    return fromLatin1(target.slice(this.#settings.root.path.length)) || '/'
  }
}

// Linux has the same: path_resolution(7).
const maxLinks = 40
const maxSteps = 4096

async function readTarget(address: SystemPath): Promise<string> {
  try {
    return await readlink(address, 'latin1')
  } catch (error) {
    // It was a link a moment ago.
    throw errnoOf(error) === 'EINVAL' ? new StorageError('busy', { cause: error }) : error
  }
}

/** The absolute path, as latin1, of names that begin with `..`, seen from a real path: there are no links on the way up. */
function pathAbove(root: string, names: readonly string[]): string {
  const downwards = names.findIndex(name => name !== '..')
  const up = downwards === -1 ? names.length : downwards
  let directory = root
  for (let step = 0; step < up; step += 1) directory = parentOf(directory)
  return joinPath(directory, latin1(names.slice(up).join('/')))
}

function placeOf(directory: Pinned): string | undefined {
  try {
    return directory.where()
  } catch {
    // Too long for the system to tell.
    return undefined
  }
}

keepKind(() => new Resolution({} as ResolutionSettings, '', {} as Trail))
