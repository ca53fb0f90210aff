/** Regular files only, opened so that neither a link, a FIFO nor a device can stand in for one. */
import { constants, fstatSync, lstatSync, type Stats } from 'node:fs'
import { keepKind } from '../../../kinds.ts'
import { StorageError } from '../../storage.ts'
import { errnoOf } from '../kernel/errno.ts'
import { open } from '../kernel/system.ts'
import type { Place } from './place.ts'

/** Undefined for a symbolic link. */
export async function openUnlessLink(
  place: Pick<Place, 'address' | 'openAtOnce'>,
  flags: number,
): Promise<number | undefined> {
  const descriptor = place.openAtOnce(flags | safeFlags)
  if (descriptor !== undefined) return descriptor
  try {
    return await open(place.address, flags | safeFlags, 0o666)
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') return undefined
    throw error
  }
}

export function regularFile(descriptor: number): Stats {
  const stats = fstatSync(descriptor)
  if (!stats.isFile()) throw new StorageError('not-a-file')
  return stats
}

// O_NONBLOCK: a FIFO without a reader fails, and one with a writer is told from its status, without waiting.
export const safeFlags = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/** For whoever goes on with a file that is closed. */
export function closedError(): StorageError {
  return new StorageError('failed', { cause: new Error('the file is closed') })
}

// What the system tells of a file.
keepKind(() => lstatSync('/'))
