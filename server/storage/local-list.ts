/** Reads directories of any size in batches, without holding up other sessions. */
import { Buffer } from 'node:buffer'
import { type Dir, lstatSync, type Stats } from 'node:fs'
import { errnoOf } from './errno.ts'
import { toEntry } from './local-entry.ts'
import type { Pinned } from './local-pin.ts'
import { lstat, opendir } from './local-system.ts'
import { decodeName } from './name.ts'
import type { Entry } from './storage.ts'

const batchEntries = 1024
// A call in the thread pool costs 40 µs and more, lstat itself 1.5 µs where the system has the answer in memory.
const sliceMilliseconds = 4
const slowSliceEntries = 100
const slowAtOnce = 16

/** Entries without links; what a link leads to is asked of `followed`, and `undefined` is left out. */
export async function* listEntries(
  directory: Pinned,
  followed: (name: string) => Promise<Entry | undefined>,
): AsyncGenerator<readonly Entry[]> {
  const opened = await opendir(directory.self, { bufferSize: batchEntries, encoding: latin1 })
  try {
    const statusOf = statusReader(directory)
    for (;;) {
      const { names, ended } = await readNames(opened)
      const statuses = await statusOf(names)
      const entries: Entry[] = []
      for (let index = 0; index < names.length; index++) {
        const name = names[index] ?? ''
        // What is gone since the directory was read is left out.
        const stats = statuses[index]
        const entry = stats?.isSymbolicLink() ? await followed(name) : stats && toEntry(name, stats)
        if (entry !== undefined) entries.push(entry)
      }
      if (entries.length > 0) yield entries
      if (ended) return
    }
  } finally {
    opened.closeSync()
  }
}

// opendir decodes names: one character a byte loses nothing.
const latin1 = 'latin1'

/** The names that one read of the directory gave. */
async function readNames(directory: Dir): Promise<{ names: string[]; ended: boolean }> {
  const names: string[] = []
  let entry = await directory.read()
  while (entry !== null && names.push(toName(entry.name)) < batchEntries) {
    // A read fills the buffer unless the end is near: these are in it already, or the end comes at once.
    entry = directory.readSync()
  }
  return { names, ended: entry === null }
}

const ascii = /^[\x20-\x7e]*$/

function toName(bytes: string): string {
  return ascii.test(bytes) ? bytes : decodeName(Buffer.from(bytes, latin1))
}

type Statuses = (Stats | undefined)[]

/**
 * Asks for the status of names. The directory was just read through the thread pool, and so is the first name of each
 * further slice, so that a volume that hangs holds up this listing only; where it answers, the slice is asked directly,
 * for a few milliseconds. A volume that turns out to be slow is asked through the thread pool alone.
 */
function statusReader(directory: Pinned): (names: readonly string[]) => Promise<Statuses> {
  let slow = false
  return async names => {
    const statuses: Statuses = []
    while (statuses.length < names.length) {
      const first = statuses.length
      if (first > 0 || slow) {
        const next = names.slice(first, first + (slow ? slowAtOnce : 1))
        statuses.push(...(await Promise.all(next.map(name => statusInPool(directory, name)))))
      }
      if (slow) continue
      const end = performance.now() + sliceMilliseconds
      while (statuses.length < names.length && performance.now() < end) {
        statuses.push(lstatSync(directory.address(names[statuses.length] ?? ''), { throwIfNoEntry: false }))
      }
      slow = statuses.length < names.length && statuses.length - first < slowSliceEntries
    }
    return statuses
  }
}

async function statusInPool(directory: Pinned, name: string): Promise<Stats | undefined> {
  try {
    return await lstat(directory.address(name))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
