/** Segments of a spool on disk: files of lines, each with one event and, where it is not for all, the sinks it is for. */
import { constants } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectories } from '../storage/local/directories/make-directories.ts'
import type { CloudEvent } from './event.ts'

export type SpoolRecord = {
  readonly event: CloudEvent
  /** Names of sinks; all if undefined. */
  readonly only?: readonly string[]
}

/** How far a sink has come: a segment, and what of it was delivered. */
export type Cursor = { readonly segment: number; readonly offset: number; readonly index: number }
export const beginning: Cursor = { segment: 0, offset: 0, index: 0 }

/** Longest line: the longest paths that a client may name, three bytes for each of theirs, fit several times. */
const maxLineBytes = 262_144
const segmentPattern = /^events-(\d{10})\.ndjson$/
const cursorsName = 'cursors.json'

export function formatRecord(record: SpoolRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record)}\n`)
}

export async function makeDirectory(directory: string): Promise<void> {
  await makeDirectories(directory, 0o700)
}

/** Numbers of the segments that are there, in their order. */
export async function segmentsOf(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory)
  return names
    .flatMap(name => segmentPattern.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((one, other) => one - other)
}

/** Opens a segment that is new. */
export async function createSegment(directory: string, segment: number): Promise<FileHandle> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(pathOf(directory, segment), flags, 0o600)
  try {
    // The name too: what is in a file without one is lost.
    await using parent = await open(directory, constants.O_RDONLY)
    await parent.datasync()
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

export async function removeSegment(directory: string, segment: number): Promise<void> {
  await rm(pathOf(directory, segment), { force: true })
}

export type Reading = {
  /** Undefined for a line that is none of ours, such as one that a loss of power has cut. */
  readonly record: SpoolRecord | undefined
  /** Behind it. */
  readonly next: Cursor
}

/** The next whole lines of a segment; none at its end. Rejects with a system error, ENOENT if it is gone. */
export async function readSegment(directory: string, cursor: Cursor): Promise<readonly Reading[]> {
  const file = await open(pathOf(directory, cursor.segment), constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const buffer = Buffer.allocUnsafe(maxLineBytes)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, cursor.offset)
    return linesOf(buffer.subarray(0, bytesRead), cursor)
  } finally {
    await file.close()
  }
}

function linesOf(bytes: Buffer, cursor: Cursor): readonly Reading[] {
  const readings: Reading[] = []
  let start = 0
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    const record = parseRecord(bytes.toString('utf8', start, end))
    start = end + 1
    const next = { segment: cursor.segment, offset: cursor.offset + start, index: cursor.index + readings.length + 1 }
    readings.push({ record, next })
  }
  return readings
}

function parseRecord(line: string): SpoolRecord | undefined {
  try {
    const record = JSON.parse(line) as SpoolRecord
    return typeof record.event.id === 'string' && typeof record.event.type === 'string' ? record : undefined
  } catch {
    return undefined
  }
}

/** How far each sink had come; nowhere if the file is missing or none of ours. */
export async function readCursors(directory: string): Promise<ReadonlyMap<string, Cursor>> {
  try {
    const file = await open(join(directory, cursorsName), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const cursors = JSON.parse(await file.readFile('utf8')) as Record<string, Cursor>
      return new Map(Object.entries(cursors).filter(([, cursor]) => Number.isSafeInteger(cursor.segment)))
    } finally {
      await file.close()
    }
  } catch {
    // What was delivered already is delivered again.
    return new Map()
  }
}

export async function writeCursors(directory: string, cursors: ReadonlyMap<string, Cursor>): Promise<void> {
  const path = join(directory, cursorsName)
  const file = await open(`${path}.tmp`, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(Object.fromEntries(cursors)))
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
}

function pathOf(directory: string, segment: number): string {
  return join(directory, `events-${String(segment).padStart(10, '0')}.ndjson`)
}
