/** Names that are to survive a loss of power: a file that is synced can still be lost with its name (fsync(2)). */
import { constants } from 'node:fs'
import { errnoOf } from './kernel/errno.ts'
import { close, fsync, mkdir, open } from './kernel/system.ts'
import type { Pinned } from './tree/pin.ts'
import type { Place } from './tree/place.ts'
import type { UploadSettings } from './uploads/upload.ts'

/** Resolves when the names in the directory are on the disk, as far as its file system knows how to. */
export async function syncDirectory({ self }: Pick<Pinned, 'self'>): Promise<void> {
  const descriptor = await open(self, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await fsync(descriptor)
  } catch (error) {
    if (!withoutSync.includes(errnoOf(error) ?? '')) throw error
  } finally {
    await close(descriptor)
  }
}

export async function makeDirectoryAt(
  { address, directory }: Place,
  mode: number,
  durability: UploadSettings['durability'],
): Promise<void> {
  await mkdir(address, mode)
  // What is uploaded there is stored only with it.
  if (durability === 'fsync') await syncDirectory(directory)
}

// Network file systems and FUSE may sync files only: what a server of theirs was told, it has.
const withoutSync: readonly string[] = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']
