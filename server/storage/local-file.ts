/** Open files: regular ones only, opened so that neither a link, a FIFO nor a device can stand in for one. */
import { constants, fstatSync, type Stats } from 'node:fs'
import { errnoOf, storageError } from './errno.ts'
import { identityOf } from './local-entry.ts'
import { close, ftruncate, open, read, write } from './local-system.ts'
import { type Place, symbolicLink } from './local-tree.ts'
import { type ReadableFile, StorageError, type WritableFile, type WriteMode } from './storage.ts'

/** Files that uploads write to now, by identity: one of these for all storages of a server. */
export type RunningUploads = Set<string>

type WithoutUnique = Exclude<WriteMode, { kind: 'unique' }>

// O_NONBLOCK: a FIFO without a reader fails, and one with a writer is told from its status, without waiting.
const safely = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

export async function openForReading({ address }: Place, offset: number): Promise<ReadableFile | typeof symbolicLink> {
  const descriptor = await openUnlessLink(address, constants.O_RDONLY)
  if (descriptor === undefined) return symbolicLink
  try {
    const { size } = regularFile(descriptor)
    if (offset > size) throw new StorageError('bad-offset')
    return new LocalDownload(descriptor, size, offset)
  } catch (error) {
    await close(descriptor)
    throw error
  }
}

export async function openForWriting(
  place: Place,
  mode: WithoutUnique,
  running: RunningUploads,
): Promise<WritableFile | typeof symbolicLink> {
  const descriptor = await openUnlessLink(place.address, constants.O_WRONLY | flagsOf(mode)).catch((error: unknown) => {
    // RFC 3659 section 5.3: a restart beyond the end, here of a file that isn't there.
    throw mode.kind === 'resume' && mode.offset > 0 && errnoOf(error) === 'ENOENT'
      ? new StorageError('bad-offset')
      : error
  })
  if (descriptor === undefined) return symbolicLink
  let identity: string | undefined
  try {
    const stats = regularFile(descriptor)
    if (running.has(identityOf(stats))) throw new StorageError('busy')
    const position = startOf(mode, stats)
    identity = identityOf(stats)
    running.add(identity)
    // Only now: not by O_TRUNC, which would cut off what another upload is writing.
    if (mode.kind === 'replace' && stats.size > 0) await ftruncate(descriptor, 0)
    return new LocalUpload(descriptor, place.path, position, running, identity)
  } catch (error) {
    if (identity !== undefined) running.delete(identity)
    await close(descriptor)
    throw error
  }
}

function flagsOf(mode: WithoutUnique): number {
  if (mode.kind === 'create') return constants.O_CREAT | constants.O_EXCL
  if (mode.kind === 'replace') return constants.O_CREAT
  const create = mode.creating === 'refused' ? 0 : constants.O_CREAT
  if (mode.kind === 'append') return constants.O_APPEND | create
  return mode.offset === 0 ? create : 0
}

function startOf(mode: WithoutUnique, { size }: Stats): number {
  if (mode.kind === 'append') return size
  if (mode.kind !== 'resume') return 0
  if (mode.offset > size) throw new StorageError('bad-offset')
  if (mode.offset < size && mode.overwriting === 'refused') throw new StorageError('forbidden')
  return mode.offset
}

async function openUnlessLink(address: Place['address'], flags: number): Promise<number | undefined> {
  try {
    return await open(address, flags | safely, 0o666)
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') return undefined
    throw error
  }
}

function regularFile(descriptor: number): Stats {
  const stats = fstatSync(descriptor)
  if (!stats.isFile()) throw new StorageError('not-a-file')
  return stats
}

class LocalDownload implements ReadableFile {
  readonly size: number
  readonly offset: number
  #descriptor: number | undefined
  #position: number
  #running: Promise<unknown> = Promise.resolve()

  constructor(descriptor: number, size: number, offset: number) {
    this.#descriptor = descriptor
    this.size = size
    this.offset = offset
    this.#position = offset
  }

  async read(buffer: Uint8Array): Promise<number> {
    if (this.#descriptor === undefined) throw closedError()
    const reading = read(this.#descriptor, buffer, 0, buffer.byteLength, this.#position)
    this.#running = reading
    try {
      const { bytesRead } = await reading
      this.#position += bytesRead
      return bytesRead
    } catch (error) {
      throw storageError(error)
    }
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    // A read that still runs must not meet another file under the same number.
    await this.#running.catch(() => undefined)
    await close(descriptor).catch(() => undefined)
  }
}

class LocalUpload implements WritableFile {
  readonly path: string
  #descriptor: number | undefined
  #position: number
  readonly #uploads: RunningUploads
  readonly #identity: string
  #running: Promise<unknown> = Promise.resolve()

  constructor(descriptor: number, path: string, position: number, uploads: RunningUploads, identity: string) {
    this.#descriptor = descriptor
    this.path = path
    this.#position = position
    this.#uploads = uploads
    this.#identity = identity
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#descriptor === undefined) throw closedError()
    const writing = this.#writeAll(this.#descriptor, bytes)
    this.#running = writing
    try {
      await writing
    } catch (error) {
      throw storageError(error)
    }
  }

  async finish(): Promise<void> {
    try {
      await this.#close()
    } catch (error) {
      throw storageError(error)
    }
  }

  async abandon(): Promise<void> {
    await this.#close().catch(() => undefined)
  }

  async #writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
    let written = 0
    while (written < bytes.byteLength) {
      const { bytesWritten } = await write(descriptor, bytes, written, bytes.byteLength - written, this.#position)
      written += bytesWritten
      this.#position += bytesWritten
    }
  }

  /** Rejects if a write still runs and fails, and with what close(2) reports late: on NFS, a full disk. */
  async #close(): Promise<void> {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    try {
      await this.#running
    } finally {
      this.#uploads.delete(this.#identity)
      await close(descriptor)
    }
  }
}

function closedError(): StorageError {
  return new StorageError('failed', { cause: new Error('the file is closed') })
}
