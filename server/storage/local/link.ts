/** Symbolic links that a user makes: they lead to what is below the home, by a way that never leaves it. */

import { encodeName } from '../name.ts'
import { namesOf, parentOf } from '../path.ts'
import { StorageError } from '../storage.ts'
import { symlink } from './kernel/system.ts'
import type { Tree } from './tree/tree.ts'

/** Both paths are virtual; the target is there. Rejects with system errors and StorageErrors. */
export async function makeLink(tree: Tree, path: string, target: string): Promise<void> {
  await tree.at(path, async place => {
    // In an extra root, which has no virtual paths, there is no way to the target.
    if (!place.own) throw new StorageError('forbidden')
    await symlink(encodeName(wayTo(target, parentOf(place.path))), place.address)
  })
}

/** Relative, so that it leads to the same where the home is mounted elsewhere. */
function wayTo(target: string, directory: string): string {
  const [from, to] = [namesOf(directory), namesOf(target)]
  let common = 0
  while (common < from.length && from[common] === to[common]) common += 1
  return [...from.slice(common).map(() => '..'), ...to.slice(common)].join('/') || '.'
}
