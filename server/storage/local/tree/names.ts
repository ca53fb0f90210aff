/** Names in directories that are held: whether they are there, and giving one to a file only if it is free. */
import type { Stats } from 'node:fs'
import { errnoOf } from '../kernel/errno.ts'
import { close, link, lstat, open, rename, unlink } from '../kernel/system.ts'
import type { SystemPath } from './pin.ts'

/** Undefined if there is nothing. Rejects with other system errors. */
export async function lstatIfThere(address: SystemPath): Promise<Stats | undefined> {
  try {
    return await lstat(address)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** node:fs has no RENAME_NOREPLACE: a second name is made, which fails with EEXIST if there is one, and then the first is removed. */
export async function moveToFreeName(from: SystemPath, to: SystemPath): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (!noHardLinks.includes(errnoOf(error) ?? '')) throw error
    // Where there are no hard links, the name is taken first, by an empty file of ours.
    await close(await open(to, 'wx'))
    await rename(from, to)
    return
  }
  await unlink(from)
}

/** Removes a name; true if it was there. */
export async function unlinkIfThere(address: SystemPath): Promise<boolean> {
  try {
    await unlink(address)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

const noHardLinks: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']
