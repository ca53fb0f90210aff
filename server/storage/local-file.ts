/** Open files: regular ones only, opened so that neither a link, a FIFO nor a device can stand in for one. */
import { closeSync, constants, fstatSync, readSync, type Stats, writeSync } from 'node:fs'
import { errnoOf, storageError } from './errno.ts'
import { identityOf } from './local-entry.ts'
import { FilePace, Pace } from './local-pace.ts'
import { close, ftruncate, open, read, write } from './local-system.ts'
import { type Place, symbolicLink } from './local-tree.ts'
import type { VolumeKind } from './local-volume.ts'
import { type ReadableFile, StorageError, type WritableFile, type WriteMode } from './storage.ts'
import { createUploadClaims, type UploadClaims } from './upload-claims.ts'

/** Files that uploads write to now, and how quickly files are read and written: one of these for all storages of a process. */
export class RunningUploads {
  readonly pace = { reading: new Pace(), writing: new Pace() }
  readonly claims: UploadClaims

  /** Without claims of others, those of this process alone. */
  constructor(claims: UploadClaims = createUploadClaims()) {
    this.claims = claims
  }
}

type WithoutUnique = Exclude<WriteMode, { kind: 'unique' }>

// O_NONBLOCK: a FIFO without a reader fails, and one with a writer is told from its status, without waiting.
const safely = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

export async function openForReading(
  place: Place,
  offset: number,
  { pace }: RunningUploads,
): Promise<ReadableFile | typeof symbolicLink> {
  const descriptor = await openUnlessLink(place, constants.O_RDONLY)
  if (descriptor === undefined) return symbolicLink
  try {
    const { size } = regularFile(descriptor)
    if (offset > size) throw new StorageError('bad-offset')
    return new LocalDownload(descriptor, { size, offset }, pace.reading, place.volume)
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
  const descriptor = await openUnlessLink(place, constants.O_WRONLY | flagsOf(mode)).catch((error: unknown) => {
    // RFC 3659 section 5.3: a restart beyond the end, here of a file that isn't there.
    throw mode.kind === 'resume' && mode.offset > 0 && errnoOf(error) === 'ENOENT'
      ? new StorageError('bad-offset')
      : error
  })
  if (descriptor === undefined) return symbolicLink
  let identity: string | undefined
  try {
    const claimed = identityOf(regularFile(descriptor))
    if (!(await running.claims.claim(claimed))) throw new StorageError('busy')
    identity = claimed
    // Only now nobody else changes the size.
    const stats = regularFile(descriptor)
    const position = startOf(mode, stats)
    // Only now: not by O_TRUNC, which would cut off what another upload is writing.
    if (mode.kind === 'replace' && stats.size > 0) await ftruncate(descriptor, 0)
    return new LocalUpload(descriptor, place, position, running, identity)
  } catch (error) {
    if (identity !== undefined) running.claims.release(identity)
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

async function openUnlessLink(place: Place, flags: number): Promise<number | undefined> {
  const descriptor = place.openAtOnce(flags | safely)
  if (descriptor !== undefined) return descriptor
  try {
    return await open(place.address, flags | safely, 0o666)
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
  readonly #pace: FilePace
  readonly #volume: VolumeKind | undefined
  #running: Promise<unknown> | undefined

  constructor(
    descriptor: number,
    { size, offset }: { readonly size: number; readonly offset: number },
    pace: Pace,
    volume: VolumeKind | undefined,
  ) {
    this.#descriptor = descriptor
    this.#pace = new FilePace(pace, descriptor)
    this.#volume = volume
    this.size = size
    this.offset = offset
    this.#position = offset
  }

  async read(buffer: Uint8Array): Promise<number> {
    if (this.#descriptor === undefined) throw closedError()
    const isQuick = isInMemory(this.#volume, buffer) || this.#pace.isQuick
    const started = performance.now()
    try {
      const bytesRead = isQuick
        ? readSync(this.#descriptor, buffer, 0, buffer.byteLength, this.#position)
        : await this.#readInThread(this.#descriptor, buffer)
      this.#position += bytesRead
      this.#pace.note(isQuick ? 'here' : 'thread', performance.now() - started, bytesRead)
      return bytesRead
    } catch (error) {
      throw storageError(error)
    }
  }

  async transmit(send: (descriptor: number, position: number) => Promise<number>): Promise<number> {
    if (this.#descriptor === undefined) throw closedError()
    const sending = send(this.#descriptor, this.#position)
    this.#running = sending
    const taken = await sending
    if (taken > 0) this.#position += taken
    return taken
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    // A read that still runs must not meet another file under the same number.
    await this.#running?.catch(() => undefined)
    // Where nothing was written, there is nothing that a disk would have to do.
    if (this.#volume === undefined) await close(descriptor).catch(() => undefined)
    else closeSync(descriptor)
  }

  async #readInThread(descriptor: number, buffer: Uint8Array): Promise<number> {
    const reading = read(descriptor, buffer, 0, buffer.byteLength, this.#position)
    this.#running = reading
    const { bytesRead } = await reading
    return bytesRead
  }
}

class LocalUpload implements WritableFile {
  readonly path: string
  #descriptor: number | undefined
  #position: number
  readonly #uploads: RunningUploads
  readonly #pace: FilePace
  readonly #volume: VolumeKind | undefined
  readonly #identity: string
  #running: Promise<unknown> | undefined

  constructor(
    descriptor: number,
    { path, volume }: Pick<Place, 'path' | 'volume'>,
    position: number,
    uploads: RunningUploads,
    identity: string,
  ) {
    this.#descriptor = descriptor
    this.path = path
    this.#volume = volume
    this.#position = position
    this.#uploads = uploads
    this.#pace = new FilePace(uploads.pace.writing, descriptor)
    this.#identity = identity
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#descriptor === undefined) return Promise.reject(closedError())
    const isQuick = isInMemory(this.#volume, bytes) || this.#pace.isQuick
    return isQuick ? this.#writeHere(this.#descriptor, bytes) : this.#writeInThread(this.#descriptor, bytes)
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

  #writeHere(descriptor: number, bytes: Uint8Array): Promise<void> | undefined {
    const started = performance.now()
    try {
      for (let rest = bytes; rest.byteLength > 0; ) {
        const written = writeSync(descriptor, rest, 0, rest.byteLength, this.#position)
        this.#position += written
        rest = rest.subarray(written)
      }
      return undefined
    } catch (error) {
      return Promise.reject(storageError(error))
    } finally {
      this.#pace.note('here', performance.now() - started, bytes.byteLength)
    }
  }

  async #writeInThread(descriptor: number, bytes: Uint8Array): Promise<void> {
    const started = performance.now()
    const writing = this.#writeAll(descriptor, bytes)
    this.#running = writing
    try {
      await writing
    } catch (error) {
      throw storageError(error)
    } finally {
      this.#pace.note('thread', performance.now() - started, bytes.byteLength)
    }
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
      this.#uploads.claims.release(this.#identity)
      if (this.#volume === 'memory') closeSync(descriptor)
      else await close(descriptor)
    }
  }
}

/** Whether so much is read or written there in less time than a thread would take to begin. */
function isInMemory(volume: VolumeKind | undefined, { byteLength }: Uint8Array): boolean {
  return volume === 'memory' && byteLength <= mostAtOnce
}

const mostAtOnce = 131_072

function closedError(): StorageError {
  return new StorageError('failed', { cause: new Error('the file is closed') })
}
