/** What the errors of the operating system mean: errno(3) names to the storage's closed set. */
import { StorageError, type StorageErrorKind } from '../../storage.ts'

/** The code of a system error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** The StorageError for whatever a file operation threw; a StorageError stays as it is. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error
  return new StorageError(kinds.get(errnoOf(error) ?? '') ?? 'failed', { cause: error })
}

/** Rejects with the StorageError for whatever the operation rejects with. */
export async function translated<Result>(operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (error) {
    throw storageError(error)
  }
}

const kinds: ReadonlyMap<string, StorageErrorKind> = new Map([
  ['ENOENT', 'not-found'],
  // Too many links, or one where O_NOFOLLOW allows none: links that lead nowhere are not shown either.
  ['ELOOP', 'not-found'],
  ['ENOTDIR', 'not-a-directory'],
  ['EISDIR', 'not-a-file'],
  // A FIFO without a reader, a socket, a device without driver.
  ['ENXIO', 'not-a-file'],
  ['ENODEV', 'not-a-file'],
  ['EACCES', 'forbidden'],
  ['EPERM', 'forbidden'],
  ['EEXIST', 'exists'],
  ['ENOTEMPTY', 'not-empty'],
  ['ENOSPC', 'no-space'],
  ['EDQUOT', 'over-quota'],
  ['EFBIG', 'over-quota'],
  ['EROFS', 'read-only'],
  ['EMFILE', 'too-many-open'],
  ['ENFILE', 'too-many-open'],
  ['EBUSY', 'busy'],
  ['ETXTBSY', 'busy'],
  ['EAGAIN', 'busy'],
  ['ENAMETOOLONG', 'name-not-allowed'],
  ['EILSEQ', 'name-not-allowed'],
  // rename(2): a directory into itself; open(2) on some file systems: a character they can't store.
  ['EINVAL', 'name-not-allowed'],
  ['ERR_INVALID_ARG_VALUE', 'name-not-allowed'],
  ['EXDEV', 'not-supported'],
  ['ENOTSUP', 'not-supported'],
  ['EOPNOTSUPP', 'not-supported'],
  ['ENOSYS', 'not-supported'],
  ['EMLINK', 'not-supported'],
  ['EIO', 'failed'],
  ['ESTALE', 'failed'],
])
