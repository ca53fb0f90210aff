/** Giving a file or directory another name, with all that counts towards quotas. */
import type { Stats } from 'node:fs'
import { parentOf } from '../path.ts'
import { StorageError } from '../storage.ts'
import { usageIn } from './directories/usage.ts'
import { identityOf } from './entry.ts'
import { lstat, rename } from './kernel/system.ts'
import { countingAt, isAtomic, type LocalSettings } from './settings.ts'
import { syncDirectory } from './sync.ts'
import { lstatIfThere, moveToFreeName } from './tree/names.ts'
import type { Place } from './tree/place.ts'
import type { Tree } from './tree/tree.ts'
import { refuseRunning } from './uploads/upload-claims.ts'

export type Move = {
  readonly source: Place
  readonly target: Place
  /** What is there already is not to be replaced. */
  readonly replacing: 'refused' | undefined
}

/** On the same volume. Rejects with system errors and StorageErrors. */
export async function move({ source, target, replacing }: Move, tree: Tree, settings: LocalSettings): Promise<void> {
  const moved = await lstat(source.address)
  const existing = await lstatIfThere(target.address)
  if (existing !== undefined) {
    if (identityOf(existing) === identityOf(moved) && source.path === target.path) return
    if (moved.isDirectory() || existing.isDirectory() || replacing === 'refused') throw new StorageError('exists')
  }
  const running = { claims: settings.uploads.claims, isAtomic: isAtomic(settings) }
  await refuseRunning(running, target.directory, target.name, existing)
  const transfer = await takeAlong({ source, target }, moved, tree, settings)
  try {
    // A directory can only take the place of an empty one, however the target changes meanwhile.
    if (replacing === undefined || moved.isDirectory()) await rename(source.address, target.address)
    else await moveToFreeName(source.address, target.address)
  } catch (error) {
    transfer?.undo()
    throw error
  }
  transfer?.done()
  countingAt(target, tree, settings)?.removed(existing)
  if (settings.uploading.durability === 'none') return
  await syncDirectory(target.directory)
  await syncDirectory(source.directory)
}

/** What is moved to another directory takes from its quotas what it is large. */
async function takeAlong(
  { source, target }: Pick<Move, 'source' | 'target'>,
  moved: Stats,
  tree: Tree,
  settings: LocalSettings,
): Promise<{ readonly undo: () => void; readonly done: () => void } | undefined> {
  const [from, to] = [countingAt(source, tree, settings), countingAt(target, tree, settings)]
  if (from === undefined || to === undefined || parentOf(from.path) === parentOf(to.path)) return undefined
  const { bytes, files } = moved.isDirectory()
    ? await tree.outOfTurn(() => usageIn(tree, source.path))
    : { bytes: moved.isFile() ? moved.size : 0, files: moved.isFile() ? 1 : 0 }
  await to.takeFrom(from, bytes, files)
  const less = { bytes: -bytes, files: -files }
  return { undo: () => to.change(less), done: () => from.change(less) }
}
