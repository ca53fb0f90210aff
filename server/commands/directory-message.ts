import { textOfFile } from '../control/message-text.ts'
import type { Storage } from '../storage/storage.ts'
import { StorageError } from '../storage/storage.ts'

const maxBytes = 4096

/** The text for people in a directory, as far as the user may read it; undefined if there is none. */
export async function directoryMessage(
  storage: Pick<Storage, 'read'>,
  directory: string,
  name: string,
): Promise<string | undefined> {
  try {
    await using file = closing(await storage.read(directory === '/' ? `/${name}` : `${directory}/${name}`, 0))
    const buffer = new Uint8Array(maxBytes)
    let length = 0
    for (let read = -1; read !== 0 && length < maxBytes; length += read) {
      read = await file.read(buffer.subarray(length))
    }
    return textOfFile(buffer.subarray(0, length))
  } catch (error) {
    // Missing, forbidden, no file: there is nothing to tell.
    if (error instanceof StorageError) return undefined
    throw error
  }
}

function closing(file: Awaited<ReturnType<Storage['read']>>) {
  return { read: (bytes: Uint8Array) => file.read(bytes), [Symbol.asyncDispose]: async () => await file.close() }
}
