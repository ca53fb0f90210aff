/** Reads directories of any size in batches, without holding up other sessions. */
import { lstatSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Entry } from '../storage.ts'
import { openDirectory } from './directory-reader.ts'
import { toEntry } from './entry.ts'
import { errnoOf } from './errno.ts'
import type { Getdents } from './getdents.ts'
import type { Pinned } from './pin.ts'
import type { Found, Statx } from './statx.ts'
import { lstat } from './system.ts'
import type { VolumeKind } from './volume.ts'
import { inTurn, type VolumeGate } from './volume-gate.ts'

// A call in the thread pool costs 40 µs and more, the status itself 0.5 to 2 µs where the system has the answer in memory.
const sliceMilliseconds = 4
const slowSliceEntries = 100
const looksAtOnce = 16
const maxBackoffEntries = 4096
// The clock costs a tenth of what a look at a file does.
const looksPerClock = 8

export type ListingOptions = {
  /** What a link leads to; `undefined` is left out. */
  readonly followed: (name: string) => Promise<Entry | undefined>
  readonly statx: Statx | undefined
  readonly getdents: Getdents | undefined
  /** What the directory is on, where that is known. */
  readonly volume: VolumeKind | undefined
  readonly gate: VolumeGate | undefined
}

/** Entries without links. */
export async function* listEntries(
  directory: Pinned,
  { followed, statx, getdents, volume, gate }: ListingOptions,
): AsyncGenerator<readonly Entry[]> {
  const reader = openDirectory(directory, getdents, volume)
  try {
    const look = observer(directory, statx, gate)
    for (;;) {
      const reading = volume === 'memory' ? reader.read() : inTurn(gate, async () => await reader.read())
      const { names, ended } = reading instanceof Promise ? await reading : reading
      const entries = await shown(names, await look(names), followed)
      if (entries.length > 0) yield entries
      if (ended) return
      // A directory in memory is never waited for: others would not come in otherwise.
      if (volume === 'memory') await setImmediate()
    }
  } finally {
    reader.close()
  }
}

/** What is gone since the directory was read is left out. Links are followed through the thread pool, a few at once. */
async function shown(
  names: readonly string[],
  found: readonly Found[],
  followed: (name: string) => Promise<Entry | undefined>,
): Promise<readonly Entry[]> {
  return withoutLinks(found) ?? (await shownWithLinks(names, found, followed))
}

/** Undefined where there are some. */
function withoutLinks(found: readonly Found[]): readonly Entry[] | undefined {
  const entries: Entry[] = []
  for (let index = 0; index < found.length; index++) {
    const each = found[index]
    if (each === 'link') return undefined
    if (each !== undefined && each !== 'gone') entries.push(each)
  }
  return entries
}

async function shownWithLinks(
  names: readonly string[],
  found: readonly Found[],
  followed: (name: string) => Promise<Entry | undefined>,
): Promise<readonly Entry[]> {
  const entries: (Entry | undefined)[] = found.map(each => (typeof each === 'string' ? undefined : each))
  const links = [...found.keys()].filter(index => found[index] === 'link')
  for (let first = 0; first < links.length; first += looksAtOnce) {
    await Promise.all(
      links.slice(first, first + looksAtOnce).map(async index => {
        entries[index] = await followed(names[index] ?? '')
      }),
    )
  }
  return entries.filter(entry => entry !== undefined)
}

/**
 * Looks at what names stand for. The directory was just read through the thread pool, unless it is in memory, and so is
 * the first name of each further slice, so that a volume that hangs holds up this listing only; where it answers, the
 * slice is asked directly, for a few milliseconds. After a slice that got nowhere, names are asked through the thread pool alone for a while, and
 * for twice as long each time: the volume may be slow, or only the machine have been busy just then.
 */
function observer(
  directory: Pinned,
  statx: Statx | undefined,
  gate: VolumeGate | undefined,
): (names: readonly string[]) => Promise<readonly Found[]> {
  const look = directly(directory, statx)
  let throughPool = 0
  let backoff = 0
  return async names => {
    const found: Found[] = []
    while (found.length < names.length) {
      const first = found.length
      if (first > 0 || throughPool > 0) {
        const next = names.slice(first, first + Math.max(1, Math.min(throughPool, looksAtOnce)))
        found.push(...(await Promise.all(next.map(name => inTurn(gate, () => lookInPool(directory, name))))))
        throughPool = Math.max(0, throughPool - next.length)
        if (throughPool > 0) continue
      }
      const ended = slice(names, found, look)
      backoff = ended === 'too soon' ? Math.min(maxBackoffEntries, Math.max(looksAtOnce, backoff * 2)) : 0
      throughPool = backoff
    }
    return found
  }
}

/** Looks at as many names as there is time for. */
function slice(
  names: readonly string[],
  found: Found[],
  look: (name: string) => Found,
): 'done' | 'in time' | 'too soon' {
  const first = found.length
  const end = performance.now() + sliceMilliseconds
  while (found.length < names.length) {
    found.push(look(names[found.length] ?? ''))
    // The first one alone may have taken long.
    if ((found.length - first) % looksPerClock !== 1 || performance.now() < end) continue
    return found.length - first < slowSliceEntries ? 'too soon' : 'in time'
  }
  return 'done'
}

function directly(directory: Pinned, statx: Statx | undefined): (name: string) => Found {
  const { descriptor } = directory
  const byPath = (name: string): Found => {
    const stats = lstatSync(directory.address(name), { throwIfNoEntry: false })
    if (stats === undefined) return 'gone'
    return stats.isSymbolicLink() ? 'link' : toEntry(name, stats)
  }
  if (statx === undefined || descriptor === undefined) return byPath
  return name => {
    const found = statx(descriptor, name)
    return found === 'unknown' ? byPath(name) : found
  }
}

async function lookInPool(directory: Pinned, name: string): Promise<Found> {
  try {
    const stats = await lstat(directory.address(name))
    return stats.isSymbolicLink() ? 'link' : toEntry(name, stats)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'gone'
    throw error
  }
}
