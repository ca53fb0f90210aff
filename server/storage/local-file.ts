/** Open files: regular ones only, opened so that neither a link, a FIFO nor a device can stand in for one. */
import { closeSync, constants, fchmodSync, fstatSync, readSync, type Stats, writeSync } from 'node:fs'
import { errnoOf, storageError } from './errno.ts'
import { identityOf } from './local-entry.ts'
import { lstatIfThere } from './local-names.ts'
import { FilePace, Pace } from './local-pace.ts'
import { type Counting, UploadAccount } from './local-quota.ts'
import { syncDirectory } from './local-sync.ts'
import { close, fsync, ftruncate, open, read, write } from './local-system.ts'
import { type HeldDirectory, type Place, symbolicLink, type Tree } from './local-tree.ts'
import type { VolumeKind } from './local-volume.ts'
import { type ReadableFile, StorageError, type WritableFile, type WriteMode } from './storage.ts'
import { createUploadClaims, type UploadClaims } from './upload-claims.ts'
import { inTurn, type VolumeGate } from './volume-gate.ts'

/** Files that uploads write to now, and how quickly files are read and written: one of these for all storages of a process. */
export class RunningUploads {
  readonly pace = { reading: new Pace(), writing: new Pace() }
  readonly claims: UploadClaims

  /** Without claims of others, those of this process alone. */
  constructor(claims: UploadClaims = createUploadClaims()) {
    this.claims = claims
  }
}

export type WithoutUnique = Exclude<WriteMode, { kind: 'unique' }>

/** How uploads get to their names, and when they count as stored. */
export type UploadSettings = {
  readonly mode: 'direct' | 'atomic'
  readonly durability: 'none' | 'fsync'
  /** Whose uploads they are: what breaks off can be gone on with by the same user. */
  readonly user: string
}

/** What belongs to the end of an upload besides closing its file. */
export interface UploadEnding {
  /** Everything is written; the file is open still. */
  written(descriptor: number): Promise<void>
  /** The file is closed, and whole. */
  published(): Promise<void>
  /** The file is closed, and not whole; so many bytes were written. Never rejects. */
  kept(bytes: number): Promise<void>
  /** In any case, in the end. */
  release(): void
}

// O_NONBLOCK: a FIFO without a reader fails, and one with a writer is told from its status, without waiting.
const safely = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

export async function openForReading(
  place: Place,
  offset: number,
  { pace }: RunningUploads,
): Promise<ReadableFile | typeof symbolicLink> {
  const descriptor = await openUnlessLink(place, constants.O_RDONLY)
  return descriptor === undefined ? symbolicLink : await download(descriptor, offset, pace, place)
}

/** The same for a path below the root of a tree, if it can be done at once and there is no link on the way. */
export function openForReadingAtOnce(
  tree: Tree,
  path: string,
  offset: number,
  { pace }: RunningUploads,
): Promise<ReadableFile> | undefined {
  const opened = tree.openAtOnce(path, constants.O_RDONLY | safely)
  return opened && download(opened.descriptor, offset, pace, { volume: opened.volume, gate: tree.gate })
}

type OnVolume = Pick<Place, 'volume' | 'gate'>

/** Takes over a descriptor. */
async function download(
  descriptor: number,
  offset: number,
  pace: RunningUploads['pace'],
  on: OnVolume,
): Promise<ReadableFile> {
  try {
    const { size } = regularFile(descriptor)
    if (offset > size) throw new StorageError('bad-offset')
    return new LocalDownload(descriptor, { size, offset }, pace.reading, on)
  } catch (error) {
    await close(descriptor)
    throw error
  }
}

/** Writes in place, under the name itself. */
export async function openForWriting(
  place: Place,
  mode: WithoutUnique,
  running: RunningUploads,
  durability: UploadSettings['durability'],
  counting?: Counting,
): Promise<WritableFile | typeof symbolicLink> {
  if (counting === undefined) return await openInPlace(place, mode, running, durability)
  const files = (await lstatIfThere(place.address)) === undefined ? 1 : 0
  await counting.take({ least: 0, most: 0, files, upload: 'begins' })
  let opened: LocalUpload | typeof symbolicLink | undefined
  try {
    opened = await openInPlace(place, mode, running, durability, counting)
    return opened
  } finally {
    if (opened === undefined || opened === symbolicLink) counting.change({ bytes: 0, files: -files, upload: 'ends' })
  }
}

async function openInPlace(
  place: Place,
  mode: WithoutUnique,
  running: RunningUploads,
  durability: UploadSettings['durability'],
  counting?: Counting,
): Promise<LocalUpload | typeof symbolicLink> {
  const descriptor = await openForMode(place, mode).catch((error: unknown) => {
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
    if (mode.kind === 'replace' && stats.size > 0) {
      await ftruncate(descriptor, 0)
      counting?.change({ bytes: -stats.size, files: 0 })
    }
    const account = counting && new UploadAccount(counting, mode.kind === 'replace' ? 0 : stats.size)
    const ending = durability === 'fsync' ? syncedEnding(await place.hold()) : undefined
    return new LocalUpload(descriptor, { ...place, position, claim: identity, ending, account }, running)
  } catch (error) {
    if (identity !== undefined) running.claims.release(identity)
    await close(descriptor)
    throw error
  }
}

function syncedEnding(directory: HeldDirectory): UploadEnding {
  return {
    written: fsync,
    published: () => syncDirectory(directory),
    kept: async () => undefined,
    release: () => directory.release(),
  }
}

/** Undefined for a symbolic link. */
async function openForMode(place: Place, mode: WithoutUnique): Promise<number | undefined> {
  const flags = constants.O_WRONLY | flagsOf(mode)
  if (mode.permissions === undefined || (flags & constants.O_CREAT) === 0) return await openUnlessLink(place, flags)
  try {
    const made = await openUnlessLink(place, flags | constants.O_EXCL)
    // open(2) takes away what the umask of the process has.
    if (made !== undefined) fchmodSync(made, mode.permissions)
    return made
  } catch (error) {
    if (mode.kind === 'create' || errnoOf(error) !== 'EEXIST') throw error
    return await openUnlessLink(place, flags)
  }
}

function flagsOf(mode: WithoutUnique): number {
  if (mode.kind === 'create') return constants.O_CREAT | constants.O_EXCL
  if (mode.kind === 'replace') return constants.O_CREAT
  const create = mode.creating === 'refused' ? 0 : constants.O_CREAT
  if (mode.kind === 'append') return constants.O_APPEND | create
  return mode.offset === 0 ? create : 0
}

export function startOf(mode: WithoutUnique, { size }: Pick<Stats, 'size'>): number {
  if (mode.kind === 'append') return size
  if (mode.kind !== 'resume') return 0
  if (mode.offset > size) throw new StorageError('bad-offset')
  if (mode.offset < size && mode.overwriting === 'refused') throw new StorageError('forbidden')
  return mode.offset
}

/** Undefined for a symbolic link. */
export async function openUnlessLink(
  place: Pick<Place, 'address' | 'openAtOnce'>,
  flags: number,
): Promise<number | undefined> {
  const descriptor = place.openAtOnce(flags | safely)
  if (descriptor !== undefined) return descriptor
  try {
    return await open(place.address, flags | safely, 0o666)
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

class LocalDownload implements ReadableFile {
  readonly size: number
  readonly offset: number
  #descriptor: number | undefined
  #position: number
  readonly #pace: FilePace
  readonly #volume: VolumeKind | undefined
  readonly #gate: VolumeGate | undefined
  #running: Promise<unknown> | undefined

  constructor(
    descriptor: number,
    { size, offset }: { readonly size: number; readonly offset: number },
    pace: Pace,
    { volume, gate }: OnVolume,
  ) {
    this.#descriptor = descriptor
    this.#pace = new FilePace(pace, descriptor, volume, gate)
    this.#volume = volume
    this.#gate = gate
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

  passAtOnce(
    buffer: Uint8Array,
    send: (bytes: Uint8Array) => number,
  ): { readonly taken: number; readonly read: number } | undefined {
    if (this.#descriptor === undefined) throw closedError()
    if (!isInMemory(this.#volume, buffer)) return undefined
    try {
      const count = readSync(this.#descriptor, buffer, 0, buffer.byteLength, this.#position)
      const taken = send(buffer.subarray(0, count))
      this.#position += taken
      return { taken, read: count }
    } catch (error) {
      throw storageError(error)
    }
  }

  async transmit(send: (descriptor: number, position: number) => Promise<number>): Promise<number> {
    if (this.#descriptor === undefined) throw closedError()
    const descriptor = this.#descriptor
    const call = (): Promise<number> => send(descriptor, this.#position)
    const sending = this.#gate === undefined ? call() : this.#gate.send(call)
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
    if (this.#volume === undefined) await inTurn(this.#gate, () => close(descriptor), 'ending').catch(() => undefined)
    else closeSync(descriptor)
  }

  async #readInThread(descriptor: number, buffer: Uint8Array): Promise<number> {
    const call = () => read(descriptor, buffer, 0, buffer.byteLength, this.#position)
    const reading = inTurn(this.#gate, call, 'transfer')
    this.#running = reading
    const { bytesRead } = await reading
    return bytesRead
  }
}

export type UploadTarget = Pick<Place, 'path' | 'volume' | 'gate'> & {
  /** Where writing begins. */
  readonly position: number
  /** What was claimed for it. */
  readonly claim: string
  readonly ending: UploadEnding | undefined
  /** Where quotas are to be kept. */
  readonly account: UploadAccount | undefined
}

export class LocalUpload implements WritableFile {
  readonly path: string
  #descriptor: number | undefined
  readonly #start: number
  #position: number
  readonly #uploads: RunningUploads
  readonly #pace: FilePace
  readonly #volume: VolumeKind | undefined
  readonly #gate: VolumeGate | undefined
  readonly #claim: string
  readonly #ending: UploadEnding | undefined
  readonly #account: UploadAccount | undefined
  #running: Promise<unknown> | undefined

  constructor(
    descriptor: number,
    { path, volume, gate, position, claim, ending, account }: UploadTarget,
    uploads: RunningUploads,
  ) {
    this.#descriptor = descriptor
    this.path = path
    this.#volume = volume
    this.#gate = gate
    this.#start = position
    this.#position = position
    this.#uploads = uploads
    this.#pace = new FilePace(uploads.pace.writing, descriptor, volume, gate)
    this.#claim = claim
    this.#ending = ending
    this.#account = account
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#descriptor === undefined) return Promise.reject(closedError())
    if (this.#account === undefined) return this.#write(this.#descriptor, bytes)
    const end = this.#position + bytes.byteLength
    const reach = this.#account.reach(this.#position, end)
    if (reach === end) return this.#write(this.#descriptor, bytes)
    return this.#writeWithin(reach, end, bytes)
  }

  /** As much as there is room for. */
  async #writeWithin(reach: number | Promise<number>, end: number, bytes: Uint8Array): Promise<void> {
    const room = (await reach) - end + bytes.byteLength
    if (this.#descriptor === undefined) throw closedError()
    await this.#write(this.#descriptor, bytes.subarray(0, room))
    if (room < bytes.byteLength) throw new StorageError('over-quota')
  }

  #write(descriptor: number, bytes: Uint8Array): Promise<void> | undefined {
    return this.#isQuick ? this.#writeHere(descriptor, bytes) : this.#writeInThread(descriptor, bytes)
  }

  absorb(
    move: (descriptor: number, position: number, most?: number) => number,
    arrived: () => number,
  ): number | Promise<void> | undefined {
    if (this.#descriptor === undefined || !this.#isQuick) return undefined
    // What counts towards a quota is asked for before it is written, and no more than that: others may need the room.
    const most = this.#account === undefined ? undefined : this.#roomFor(this.#account, arrived)
    if (most !== undefined && (typeof most !== 'number' || most === 0)) return most
    const started = performance.now()
    const moved = move(this.#descriptor, this.#position, most)
    this.#position += moved
    if (moved > 0) this.#note('here', started, moved)
    return moved
  }

  /** What is taken already comes first: at a limit nothing more is given. */
  #roomFor(account: UploadAccount, arrived: () => number): number | Promise<void> {
    const room = account.taken - this.#position
    const bytes = room > 0 ? room : arrived()
    if (room > 0 || bytes === 0) return bytes
    const reach = account.reach(this.#position, this.#position + bytes)
    return typeof reach === 'number' ? reach - this.#position : reach.then(() => undefined)
  }

  /** In memory nothing is waited for but the processor. */
  get #isQuick(): boolean {
    return this.#volume === 'memory' || this.#pace.isQuick
  }

  #note(where: 'here' | 'thread', started: number, bytes: number): void {
    // It would say nothing about disks.
    if (this.#volume !== 'memory') this.#pace.note(where, performance.now() - started, bytes)
  }

  finish(): Promise<void> | undefined {
    if (this.#volume === 'memory' && this.#running === undefined && this.#ending === undefined)
      return this.#finishHere()
    return this.#end('whole').catch((error: unknown) => Promise.reject(storageError(error)))
  }

  async abandon(): Promise<void> {
    await this.#end('broken').catch(() => undefined)
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
      this.#note('here', started, bytes.byteLength)
    }
  }

  async #writeInThread(descriptor: number, bytes: Uint8Array): Promise<void> {
    const started = performance.now()
    const writing = inTurn(this.#gate, () => this.#writeAll(descriptor, bytes), 'transfer')
    this.#running = writing
    try {
      await writing
    } catch (error) {
      throw storageError(error)
    } finally {
      this.#note('thread', started, bytes.byteLength)
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

  /** In memory, where closing waits for nothing. */
  #finishHere(): undefined {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    this.#account?.end(this.#position)
    this.#uploads.claims.release(this.#claim)
    try {
      closeSync(descriptor)
    } catch (error) {
      throw storageError(error)
    }
  }

  async #end(state: 'whole' | 'broken'): Promise<void> {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    const ending = this.#ending
    try {
      if (ending === undefined) return await this.#close(descriptor)
      await this.#close(descriptor, state === 'whole' ? ending : undefined)
      if (state === 'whole') await this.#lastly(() => ending.published())
    } finally {
      this.#account?.end(this.#position)
      if (ending !== undefined) {
        if (state === 'broken') await this.#lastly(() => ending.kept(this.#position - this.#start))
        this.#uploads.claims.release(this.#claim)
        ending.release()
      }
    }
  }

  /** Rejects if a write still runs and fails, and with what close(2) reports late: on NFS, a full disk. */
  async #close(descriptor: number, ending?: Pick<UploadEnding, 'written'>): Promise<void> {
    try {
      await this.#running
      if (ending !== undefined) await this.#lastly(() => ending.written(descriptor))
    } finally {
      if (this.#ending === undefined) this.#uploads.claims.release(this.#claim)
      if (this.#volume === 'memory') closeSync(descriptor)
      else await this.#lastly(() => close(descriptor))
    }
  }

  #lastly(operation: () => Promise<void>): Promise<void> {
    return inTurn(this.#gate, operation, 'ending')
  }
}

/** Whether so much is read there in less time than a thread would take to begin. */
function isInMemory(volume: VolumeKind | undefined, { byteLength }: Uint8Array): boolean {
  return volume === 'memory' && byteLength <= mostAtOnce
}

const mostAtOnce = 131_072

function closedError(): StorageError {
  return new StorageError('failed', { cause: new Error('the file is closed') })
}
