/** Events that wait for their sinks, in files, so that they outlive the process. Bounded in bytes, on disk and in memory. */
import type { FileHandle } from 'node:fs/promises'
import {
  beginning,
  type Cursor,
  createSegment,
  formatRecord,
  makeDirectory,
  type Reading,
  readSegment,
  removeSegment,
  type SpoolRecord,
  writeCursors,
} from './spool-file.ts'
import type { DropReason } from './telemetry.ts'

export type SpoolLimits = { readonly maxBytes: number; readonly whenFull: 'drop-oldest' | 'drop-newest' }
export type SpoolOptions = {
  /** Of this process alone; made if it is missing, and new. */
  readonly directory: string
  readonly limits: SpoolLimits
  readonly onDropped: (reason: DropReason, count: number, sink?: string) => void
  readonly onSpooled: (count: number, bytes: number) => void
  /** Undefined: it is written to again. */
  readonly onTrouble: (error: unknown) => void
}

type Segment = { readonly number: number; bytes: number; records: number }
type Pending = { readonly bytes: Buffer; readonly stored: () => void }

const maxPendingBytes = 4_194_304
/** Written at once: little beside the smallest spool, of which the oldest part may have to go. */
const maxBatchBytes = 65_536

export class Spool {
  readonly #options: SpoolOptions
  #limits: SpoolLimits
  /** The oldest first; the last one is written to. */
  readonly #segments: Segment[] = []
  #file: FileHandle | undefined
  #lastNumber = 0
  #bytes = 0
  readonly #pending: Pending[] = []
  #pendingBytes = 0
  #writing: Promise<void> | undefined
  readonly #cursors = new Map<string, Cursor>()
  #savingCursors: Promise<void> | undefined
  #cursorsChanged = false
  #more = Promise.withResolvers<void>()
  #troubled = false
  #closed = false

  constructor(options: SpoolOptions) {
    this.#options = options
    this.#limits = options.limits
  }

  /** Makes the directory. Rejects with a system error. */
  async open(): Promise<void> {
    await makeDirectory(this.#options.directory)
  }

  follow(limits: SpoolLimits): void {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes + this.#pendingBytes
  }

  /** Whether a sink has anything to get. */
  isBehind(sink: string): boolean {
    const cursor = this.#cursors.get(sink) ?? beginning
    if (this.#writing !== undefined) return true
    return this.#segments.some(
      ({ number, records }) => number >= cursor.segment && records > (number === cursor.segment ? cursor.index : 0),
    )
  }

  /** Resolves when the disk has it, or it was dropped. Never rejects. */
  put(record: SpoolRecord, rank: 'kept' | 'expendable'): Promise<void> {
    const bytes = formatRecord(record)
    const reason = this.#refusal(bytes.length, rank)
    if (reason !== undefined) {
      this.#options.onDropped(reason, 1)
      return Promise.resolve()
    }
    this.#pendingBytes += bytes.length
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pending.push({ bytes, stored: resolve })
    this.#writing ??= this.#write()
    return promise
  }

  /** From now on, events are kept for this sink until it has passed them. */
  enter(sink: string): void {
    const oldest = this.#segments[0]
    this.#cursors.set(sink, oldest === undefined ? beginning : { segment: oldest.number, offset: 0, index: 0 })
  }

  leave(sink: string): void {
    this.#cursors.delete(sink)
    void this.#forget()
  }

  /** The next events for a sink, as many as fit into a buffer; waits until there is one. Rejects with the reason of the signal, or a system error. */
  async next(sink: string, signal: AbortSignal): Promise<readonly Reading[]> {
    for (;;) {
      signal.throwIfAborted()
      const more = this.#more.promise
      const readings = await this.#read(sink)
      if (readings.length > 0) return readings
      await untilAborted(more, signal)
    }
  }

  /** The sink has everything up to there. */
  pass(sink: string, cursor: Cursor): void {
    const before = this.#cursors.get(sink)
    // Dropped meanwhile: it is further on already.
    if (before === undefined || before.segment > cursor.segment) return
    this.#cursors.set(sink, cursor)
    this.#saveCursors()
  }

  /** Resolves when all that was put is written, or nothing can be. */
  async settled(): Promise<void> {
    await this.#writing
  }

  /** Writes what is left. Whether nothing is left to deliver, so that the directory can go. */
  async close(): Promise<{ readonly empty: boolean }> {
    this.#closed = true
    await this.settled()
    await this.#savingCursors
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
    return { empty: ![...this.#cursors.keys()].some(sink => this.isBehind(sink)) }
  }

  #refusal(bytes: number, rank: 'kept' | 'expendable'): DropReason | undefined {
    const { maxBytes, whenFull } = this.#limits
    if (this.#closed || this.#pendingBytes + bytes > maxPendingBytes) return 'busy'
    if (rank === 'expendable' && this.bytes + bytes > maxBytes / 2) return 'reserved'
    return whenFull === 'drop-newest' && this.bytes + bytes > maxBytes ? 'full' : undefined
  }

  /** All that waits goes to the disk together: one fsync for as many as came during the last one. */
  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#nextBatch()
      const bytes = Buffer.concat(batch.map(each => each.bytes))
      try {
        await this.#append(bytes, batch.length)
        this.#options.onSpooled(batch.length, bytes.length)
        if (this.#troubled) this.#options.onTrouble(undefined)
        this.#troubled = false
      } catch (error) {
        this.#options.onDropped('write-failed', batch.length)
        if (!this.#troubled) this.#options.onTrouble(error)
        this.#troubled = true
        // What is half written ends with the segment.
        await this.#file?.close().catch(() => undefined)
        this.#file = undefined
      }
      this.#pendingBytes -= bytes.length
      for (const { stored } of batch) stored()
      this.#more.resolve()
      this.#more = Promise.withResolvers()
    }
    this.#writing = undefined
  }

  #nextBatch(): readonly Pending[] {
    let bytes = 0
    const end = this.#pending.findIndex(each => {
      bytes += each.bytes.length
      return bytes > maxBatchBytes
    })
    return this.#pending.splice(0, end === -1 ? this.#pending.length : Math.max(1, end))
  }

  async #append(bytes: Buffer, records: number): Promise<void> {
    const last = this.#segments.at(-1)
    const isFull = last !== undefined && last.bytes + bytes.length > this.#segmentBytes()
    if (this.#file === undefined || isFull) await this.#begin()
    this.#makeRoom(bytes.length)
    await this.#file?.writeFile(bytes)
    await this.#file?.datasync()
    const segment = this.#segments.at(-1)
    if (segment === undefined) return
    segment.bytes += bytes.length
    segment.records += records
    this.#bytes += bytes.length
  }

  async #begin(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    this.#lastNumber += 1
    this.#file = await createSegment(this.#options.directory, this.#lastNumber)
    this.#segments.push({ number: this.#lastNumber, bytes: 0, records: 0 })
  }

  #segmentBytes(): number {
    return Math.min(4_194_304, this.#limits.maxBytes / 16)
  }

  /** The oldest segment goes, and who has not passed it loses what is in it. The one that is written to stays. */
  #makeRoom(bytes: number): void {
    while (this.#bytes + bytes > this.#limits.maxBytes && this.#segments.length > 1) {
      const [oldest, following] = this.#segments
      if (oldest === undefined || following === undefined) return
      for (const [sink, cursor] of this.#cursors) {
        if (cursor.segment > oldest.number) continue
        const lost = oldest.records - (cursor.segment === oldest.number ? cursor.index : 0)
        if (lost > 0) this.#options.onDropped('full', lost, sink)
        this.#cursors.set(sink, { segment: following.number, offset: 0, index: 0 })
      }
      this.#removeOldest(oldest)
      this.#saveCursors()
    }
  }

  #removeOldest({ number, bytes }: Segment): void {
    this.#segments.shift()
    this.#bytes -= bytes
    void removeSegment(this.#options.directory, number).catch(() => undefined)
  }

  async #read(sink: string): Promise<readonly Reading[]> {
    for (;;) {
      const cursor = this.#cursors.get(sink)
      const segment = this.#segments.find(({ number }) => number >= (cursor?.segment ?? 0))
      if (cursor === undefined || segment === undefined) return []
      const from = segment.number === cursor.segment ? cursor : { segment: segment.number, offset: 0, index: 0 }
      // Only what the disk has: a line behind that may be half written.
      if (from.index < segment.records) {
        const readings = await readSegment(this.#options.directory, from).catch((error: unknown) => {
          // Dropped meanwhile: the cursor is further on.
          if (this.#segments.includes(segment)) throw error
          return []
        })
        if (!this.#segments.includes(segment)) continue
        // Neither can be, unless somebody else has written there.
        if (readings.length === 0) throw new Error('A segment of the spool is shorter than it was.')
        return readings.slice(0, segment.records - from.index)
      }
      const following = this.#segments.find(({ number }) => number > segment.number)
      if (following === undefined || this.#cursors.get(sink) !== cursor) return []
      this.#cursors.set(sink, { segment: following.number, offset: 0, index: 0 })
    }
  }

  #saveCursors(): void {
    this.#cursorsChanged = true
    this.#savingCursors ??= this.#forget()
  }

  /** Writes how far the sinks have come, then removes what all of them have passed: never the other way round. */
  async #forget(): Promise<void> {
    this.#cursorsChanged = true
    try {
      while (this.#cursorsChanged) {
        this.#cursorsChanged = false
        await writeCursors(this.#options.directory, this.#cursors)
        const passed = Math.min(...[...this.#cursors.values()].map(({ segment }) => segment))
        for (let oldest = this.#segments[0]; oldest !== undefined; oldest = this.#segments[0]) {
          if (oldest.number >= passed || this.#segments.length === 1) break
          this.#removeOldest(oldest)
        }
      }
    } catch {
      // Events are delivered again after a restart; the disk is complained about where events are written.
    }
    this.#savingCursors = undefined
  }
}

async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
