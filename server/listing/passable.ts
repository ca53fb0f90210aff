/** What a listing of several directories goes on without. */
import { isStorageError } from '../storage/storage.ts'

/** What is not there, is gone by now, or is not for this user. */
export function isPassable(error: unknown): boolean {
  return kinds.some(kind => isStorageError(error, kind))
}

const kinds = ['not-found', 'forbidden', 'not-a-directory'] as const
