/** Names for STOU (RFC 959, RFC 1123 section 4.1.2.9): made by trying, so that two uploads never get the same one. */
import { randomBytes } from 'node:crypto'
import { isStorageError, type Storage, StorageError, type WritableFile } from './storage.ts'

const numberedTries = 16
const randomTries = 16

/** A name for STOU without an argument, such as `ftp-1f0c9a3e`. */
export function randomName(): string {
  return `ftp-${randomDigits()}`
}

/** Creates `path` or, if that exists, `path.1`, `path.2`… and in the end `path.` with random digits. Rejects with `exists` if all do. */
export async function writeUnique(
  storage: Pick<Storage, 'write'>,
  path: string,
  permissions?: number,
): Promise<WritableFile> {
  for (const candidate of candidates(path)) {
    try {
      return await storage.write(candidate, { kind: 'create', permissions })
    } catch (error) {
      if (!isStorageError(error, 'exists')) throw error
    }
  }
  throw new StorageError('exists')
}

function* candidates(path: string): Generator<string> {
  yield path
  for (let number = 1; number <= numberedTries; number++) yield `${path}.${number}`
  for (let tries = 0; tries < randomTries; tries++) yield `${path}.${randomDigits()}`
}

function randomDigits(): string {
  return randomBytes(4).toString('hex')
}
