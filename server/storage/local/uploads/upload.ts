/** Files that uploads write to, wherever those are until they are whole. */
import { closeSync, type Stats, writeSync } from 'node:fs'
import { keepKind } from '../../../kinds.ts'
import { type ReadableFile, StorageError, type WritableFile, type WriteMode } from '../../storage.ts'
import type { UploadAccount } from '../counting.ts'
import { storageError } from '../kernel/errno.ts'
import { close, write } from '../kernel/system.ts'
import type { Place } from '../tree/place.ts'
import { closedError } from '../tree/regular-file.ts'
import { FilePace } from '../volumes/pace.ts'
import type { VolumeKind } from '../volumes/volume.ts'
import { inTurn, type VolumeGate } from '../volumes/volume-gate.ts'
import { RunningUploads } from './running-uploads.ts'

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

/** Where writing begins. Throws the StorageErrors `bad-offset` and `forbidden`. */
export function startOf(mode: WithoutUnique, { size }: Pick<Stats, 'size'>): number {
  if (mode.kind === 'append') return size
  if (mode.kind !== 'resume') return 0
  if (mode.offset > size) throw new StorageError('bad-offset')
  if (mode.offset < size && mode.overwriting === 'refused') throw new StorageError('forbidden')
  return mode.offset
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

  async copyFrom({ transmit, volume }: Pick<ReadableFile, 'transmit' | 'volume'>, bytes: number): Promise<number> {
    const { copyRange } = this.#uploads
    const descriptor = this.#descriptor
    if (descriptor === undefined) throw closedError()
    // Between volumes it would be read and written as well, and the one could hang while the place is taken that is for the other.
    if (copyRange === undefined || transmit === undefined || volume !== this.#gate) return 0
    const end = this.#position + bytes
    const reach = this.#account === undefined ? end : await this.#account.reach(this.#position, end)
    const to = { descriptor, position: this.#position }
    const copying = transmit((from, position) =>
      copyRange({ descriptor: from, position }, to, Math.min(reach, end) - to.position),
    )
    this.#running = copying
    const copied = await copying
    this.#position += copied
    return copied
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
      for (let written = 0; written < bytes.byteLength; ) {
        const count = writeSync(descriptor, bytes, written, bytes.byteLength - written, this.#position)
        written += count
        this.#position += count
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

const blank = {
  path: '',
  volume: undefined,
  gate: undefined,
  position: 0,
  claim: '',
  ending: undefined,
  account: undefined,
}
keepKind(() => new LocalUpload(-1, blank, new RunningUploads()))
