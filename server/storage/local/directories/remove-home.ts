/** Removing a home that nobody needs any more: slowly, below the root, without following a link, and as often as it takes. */
import type { Stats } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Watch } from '../../storage.ts'
import { errnoOf } from '../kernel/errno.ts'
import { lstat } from '../kernel/system.ts'
import type { Pinned } from '../tree/pin.ts'
import { Tree } from '../tree/tree.ts'
import { refuseRunning, type UploadClaims } from '../uploads/upload-claims.ts'
import type { Volumes } from '../volumes/volume.ts'
import { removeTree } from './remove-tree.ts'

export type HomeToRemove = Watch & {
  /** The server's directory, as an absolute path of the operating system. */
  readonly root: string
  /** Below it, as a virtual path. */
  readonly directory: string
  readonly isAtomic: boolean
  readonly claims: Pick<UploadClaims, 'has'>
  readonly volumes: Volumes
  /** Files, and what else is no directory. */
  readonly filesPerSecond: number
  /** So many bytes are gone; the path is virtual. */
  readonly onRemoved: (path: string, bytes: number) => void
}

/** Resolves when it is gone, also where it was never there. Rejects with system errors and StorageErrors: `not-found` where a link is on the way, `not-a-directory` for a link to one, `not-empty` where it is too deep. */
export async function removeHome(home: HomeToRemove): Promise<void> {
  const { root, directory, signal, isAtomic, claims, volumes, onRemoved } = home
  const tree = await Tree.open(root, { policy: 'deny', extraRoots: [] }, volumes)
  const pace = paceOf(home.filesPerSecond, signal)
  const onRemove = async (within: Pinned, name: string, stats: Stats): Promise<void> => {
    await refuseRunning({ claims, isAtomic }, within, name, stats)
    await pace()
  }
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await removeTree(tree, directory, { ...home, onRemove, onRemoved })
        return
      } catch (error) {
        if (await isGone(tree, directory)) return
        // Somebody removes or makes something at the same time: another server with the same volume, or an upload that was just ending.
        if (attempt === attempts || !restless.includes(errnoOf(error) ?? '')) throw error
      }
    }
  } finally {
    await tree.close()
  }
}

const attempts = 20
const restless = ['ENOENT', 'ENOTEMPTY', 'EEXIST']

async function isGone(tree: Tree, directory: string): Promise<boolean> {
  try {
    await tree.at(directory, ({ address }) => lstat(address))
    return false
  } catch (error) {
    // A link on the way is a StorageError.
    return errnoOf(error) === 'ENOENT'
  }
}

function paceOf(perSecond: number, signal: AbortSignal): () => Promise<void> {
  let next = 0
  return async () => {
    const now = performance.now()
    next = Math.max(next, now) + 1000 / perSecond
    if (next - now > shortestMilliseconds) await delay(next - now, undefined, { signal, ref: false })
  }
}

/** Timers are no finer. */
const shortestMilliseconds = 2
