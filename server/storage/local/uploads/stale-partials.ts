/** What uploads have left that nobody goes on with: removed with its directory, or when it is too old. */
import { setTimeout as delay } from 'node:timers/promises'
import { joinPath } from '../../path.ts'
import type { Usage } from '../../quota/quotas.ts'
import { StorageError } from '../../storage.ts'
import { entriesOf, walk } from '../directories/walk.ts'
import { lstatIfThere, unlinkIfThere } from '../tree/names.ts'
import type { Pinned } from '../tree/pin.ts'
import { Tree } from '../tree/tree.ts'
import type { Volumes } from '../volumes/volume.ts'
import { targetOfPartial } from './partials.ts'
import { nameClaim, type UploadClaims } from './upload-claims.ts'

type Claims = Pick<UploadClaims, 'has'>

/** Empties a directory that has nothing else; resolves to what is gone. Rejects with `not-empty`, and with `busy` if one of the uploads runs. */
export async function removePartials(directory: Pinned, claims: Claims): Promise<Usage> {
  const names: string[] = []
  for await (const { name } of entriesOf(directory)) {
    const target = targetOfPartial(name)
    if (target === undefined || names.length === mostAtOnce) throw new StorageError('not-empty')
    if (await claims.has(nameClaim(directory, target))) throw new StorageError('busy')
    names.push(name)
  }
  let bytes = 0
  for (const name of names) {
    const address = directory.address(name)
    bytes += (await lstatIfThere(address))?.size ?? 0
    await unlinkIfThere(address)
  }
  return { bytes, files: names.length }
}

const mostAtOnce = 10_000

export type StalePartialsOptions = {
  /** Directories of the operating system, as absolute paths. */
  readonly roots: readonly string[]
  /** How long nothing has been written to what is removed. */
  readonly expireSeconds: number
  readonly pauseSeconds: number
  readonly claims: Claims
  readonly volumes?: Volumes | undefined
  /** Told of each that is removed: below which of the roots, at which virtual path, and how large it was. */
  readonly onEach: (root: string, path: string, bytes: number) => void
  /** Told how many were removed, if any. */
  readonly onRemoved: (count: number) => void
  readonly onFault: (error: unknown) => void
}

/** Walks through all directories now and then, slowly, and removes what is too old. Links are not followed. Close it. */
export class StalePartials {
  readonly #options: StalePartialsOptions
  readonly #abort = new AbortController()
  readonly #done: Promise<void>

  constructor(options: StalePartialsOptions) {
    this.#options = options
    this.#done = this.#run().catch(error => {
      if (!this.#abort.signal.aborted) options.onFault(error)
    })
  }

  /** A volume that hangs is not waited for. */
  async close(): Promise<void> {
    this.#abort.abort()
    await Promise.race([this.#done, delay(closeMilliseconds, undefined, { ref: false })])
  }

  async #run(): Promise<void> {
    const { roots, pauseSeconds, onRemoved } = this.#options
    const { signal } = this.#abort
    for (;;) {
      let removed = 0
      for (const root of roots) removed += await this.#walk(root)
      if (removed > 0) onRemoved(removed)
      await delay(pauseSeconds * 1000, undefined, { signal, ref: false })
    }
  }

  async #walk(root: string): Promise<number> {
    // What can't be read is left for the next time.
    const tree = await Tree.open(root, { policy: 'deny', extraRoots: [] }, this.#options.volumes).catch(() => undefined)
    if (tree === undefined) return 0
    const { signal } = this.#abort
    let removed = 0
    try {
      await walk(tree, '/', {
        visit: async (name, directory, path) => {
          const target = targetOfPartial(name)
          const bytes = target === undefined ? undefined : await this.#removeIfStale(directory, name, target)
          if (bytes === undefined) return
          removed += 1
          this.#options.onEach(root, joinPath(path, name), bytes)
        },
        pace: () => delay(betweenMilliseconds, undefined, { signal, ref: false }),
        leavesOut: () => true,
      })
      return removed
    } finally {
      await tree.close()
    }
  }

  /** How large it was, if it is gone. */
  async #removeIfStale(directory: Pinned, name: string, target: string): Promise<number | undefined> {
    const { claims, expireSeconds } = this.#options
    const address = directory.address(name)
    const stats = await lstatIfThere(address)
    if (stats?.isFile() !== true || stats.mtimeMs > Date.now() - expireSeconds * 1000) return undefined
    if (await claims.has(nameClaim(directory, target))) return undefined
    return (await unlinkIfThere(address)) ? stats.size : undefined
  }
}

const closeMilliseconds = 1000
/** A hundred directories in a second are nothing to any volume. */
const betweenMilliseconds = 10
