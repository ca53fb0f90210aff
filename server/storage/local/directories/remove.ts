/** Removing files and empty directories, and with them what uploads that broke off have left there. */
import { StorageError } from '../../storage.ts'
import { errnoOf } from '../kernel/errno.ts'
import { rmdir, unlink } from '../kernel/system.ts'
import { countingAt, isAtomic, type LocalSettings, partialOf } from '../settings.ts'
import { lstatIfThere, unlinkIfThere } from '../tree/names.ts'
import type { Place } from '../tree/place.ts'
import type { Tree } from '../tree/tree.ts'
import { removePartials } from '../uploads/stale-partials.ts'
import { refuseRunning } from '../uploads/upload-claims.ts'
import { inTurn } from '../volumes/volume-gate.ts'

/** Rejects with system errors and StorageErrors. */
export async function removeFile(place: Place, tree: Tree, settings: LocalSettings): Promise<void> {
  const { address } = place
  const stats = await lstatIfThere(address)
  const running = { claims: settings.uploads.claims, isAtomic: isAtomic(settings) }
  await refuseRunning(running, place.directory, place.name, stats)
  const counting = countingAt(place, tree, settings)
  if (stats !== undefined) await unlink(address)
  counting?.removed(stats)
  const partial = isAtomic(settings) ? partialOf(place, settings) : undefined
  const left = partial === undefined ? undefined : await lstatIfThere(partial)
  if (partial !== undefined && left !== undefined && (await unlinkIfThere(partial))) counting?.removed(left)
  else if (stats === undefined) throw new StorageError('not-found')
}

/** Rejects with system errors and StorageErrors. */
export async function removeDirectory(path: string, tree: Tree, settings: LocalSettings): Promise<void> {
  try {
    await tree.at(path, ({ address }) => rmdir(address))
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
    // For clients, a directory is empty that has nothing but uploads which broke off.
    const directory = await tree.pin(path)
    try {
      const { claims } = settings.uploads
      const { bytes, files } = await inTurn(tree.gate, () => removePartials(directory, claims), 'copy')
      await tree.at(path, async place => {
        countingAt(place, tree, settings)?.change({ bytes: -bytes, files: -files })
        await rmdir(place.address)
      })
    } finally {
      directory.release()
    }
  }
}
