/** What is stored in a directory. */

import type { Usage } from '../../quota/quotas.ts'
import { isStorageError } from '../../storage.ts'
import { storageError } from '../kernel/errno.ts'
import { lstatIfThere } from '../tree/names.ts'
import { Tree } from '../tree/tree.ts'
import type { Volumes } from '../volumes/volume.ts'
import { walk } from './walk.ts'

/** What is below a directory of a root, both as absolute paths; nothing if it is missing. Rejects with a StorageError. */
export async function usageBelow(root: string, directory: string, volumes?: Volumes): Promise<Usage> {
  try {
    const tree = await Tree.open(root, undefined, volumes)
    try {
      return await usageIn(tree, directory)
    } finally {
      await tree.close()
    }
  } catch (error) {
    throw storageError(error)
  }
}

/** Bytes and number of the plain files, by their names; uploads that are not whole are among them. What can't be looked into is left out. */
export async function usageIn(tree: Tree, directory: string): Promise<Usage> {
  let bytes = 0
  let files = 0
  await walk(tree, directory, {
    visit: async (name, pinned) => {
      const stats = await lstatIfThere(pinned.address(name))
      if (stats?.isFile() !== true) return
      bytes += stats.size
      files += 1
    },
    pace: async () => undefined,
    leavesOut: error => leftOut.some(kind => isStorageError(storageError(error), kind)),
  })
  return { bytes, files }
}

const leftOut = ['not-found', 'not-a-directory', 'forbidden'] as const
