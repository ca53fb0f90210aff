/** What a transfer has from the storage, or leaves there. */
import { StorageError, type WritableFile } from '../../storage/storage.ts'

/** So that what goes wrong in the storage is never taken for the connection's fault. */
export async function fromStorage<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('failed', { cause: error })
  }
}

/** A volume that hangs may do so at the very end: what waits for it is left behind, and goes on by itself once it can. */
export async function finishInTime(file: WritableFile, seconds: number): Promise<void> {
  const finishing = finish(file)
  if (finishing === undefined) return
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new StorageError('failed')), seconds * 1000)
  try {
    await Promise.race([fromStorage(finishing), givenUp])
  } finally {
    clearTimeout(timer)
  }
}

function finish(file: WritableFile): Promise<void> | undefined {
  try {
    return file.finish()
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('failed', { cause: error })
  }
}
