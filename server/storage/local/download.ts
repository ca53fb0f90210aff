/** Files that are read: at once where they are in memory, else in a thread and in their turn. */
import { closeSync, constants, readSync } from 'node:fs'
import { keepKind } from '../../kinds.ts'
import { type ReadableFile, StorageError } from '../storage.ts'
import { storageError } from './kernel/errno.ts'
import { close, read } from './kernel/system.ts'
import { type Place, symbolicLink } from './tree/place.ts'
import { closedError, openUnlessLink, regularFile, safeFlags } from './tree/regular-file.ts'
import type { Tree } from './tree/tree.ts'
import type { RunningUploads } from './uploads/running-uploads.ts'
import { FilePace, Pace } from './volumes/pace.ts'
import type { VolumeKind } from './volumes/volume.ts'
import { inTurn, type VolumeGate } from './volumes/volume-gate.ts'

export async function openForReading(
  place: Place,
  offset: number,
  { pace }: RunningUploads,
): Promise<ReadableFile | typeof symbolicLink> {
  const descriptor = await openUnlessLink(place, constants.O_RDONLY)
  if (descriptor === undefined) return symbolicLink
  try {
    return download(descriptor, offset, pace, place)
  } catch (error) {
    await close(descriptor)
    throw error
  }
}

/** The same for a path below the root of a tree, if it can be done at once and there is no link on the way. Throws StorageErrors. */
export function openForReadingAtOnce(
  tree: Tree,
  path: string,
  offset: number,
  { pace }: RunningUploads,
): ReadableFile | undefined {
  const opened = tree.openAtOnce(path, constants.O_RDONLY | safeFlags)
  if (opened === undefined) return undefined
  const { descriptor, volume } = opened
  try {
    return download(descriptor, offset, pace, { volume, gate: tree.gate })
  } catch (error) {
    closeSync(descriptor)
    throw storageError(error)
  }
}

type OnVolume = Pick<Place, 'volume' | 'gate'>

/** Takes over a descriptor, unless it throws. */
function download(descriptor: number, offset: number, pace: RunningUploads['pace'], on: OnVolume): ReadableFile {
  const { size } = regularFile(descriptor)
  if (offset > size) throw new StorageError('bad-offset')
  return new LocalDownload(descriptor, { size, offset }, pace.reading, on)
}

class LocalDownload implements ReadableFile {
  readonly size: number
  readonly offset: number
  readonly volume: object | undefined
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
    // There is one for each.
    this.volume = gate
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

  async transmit(
    send: (descriptor: number, position: number, others?: () => number) => Promise<number>,
  ): Promise<number> {
    if (this.#descriptor === undefined) throw closedError()
    const descriptor = this.#descriptor
    const call = (others?: () => number): Promise<number> => send(descriptor, this.#position, others)
    const sending = this.#gate === undefined ? call() : this.#gate.send(call)
    this.#running = sending
    const taken = await sending
    if (taken > 0) this.#position += taken
    return taken
  }

  close(): Promise<void> | undefined {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return undefined
    this.#descriptor = undefined
    if (this.#running !== undefined || this.#volume === undefined) return this.#closeInTurn(descriptor)
    closeSync(descriptor)
    return undefined
  }

  async #closeInTurn(descriptor: number): Promise<void> {
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

/** Whether so much is read there in less time than a thread would take to begin. */
function isInMemory(volume: VolumeKind | undefined, { byteLength }: Uint8Array): boolean {
  return volume === 'memory' && byteLength <= mostAtOnce
}

const mostAtOnce = 131_072

keepKind(() => new LocalDownload(-1, { size: 0, offset: 0 }, new Pace(), { volume: undefined, gate: undefined }))
