/** Reads directories of any size in batches, without holding up other sessions. */
import { lstatSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { keepKind } from '../../../kinds.ts'
import type { Entry } from '../../storage.ts'
import { toEntry } from '../entry.ts'
import { errnoOf } from '../kernel/errno.ts'
import type { Getdents } from '../kernel/getdents.ts'
import type { Found, Statx } from '../kernel/statx.ts'
import { lstat } from '../kernel/system.ts'
import type { Pinned } from '../tree/pin.ts'
import type { VolumeKind } from '../volumes/volume.ts'
import { inTurn, type VolumeGate } from '../volumes/volume-gate.ts'
import { openDirectory } from './directory-reader.ts'

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
    const looks = new Looks(directory, statx, gate)
    for (;;) {
      const reading = volume === 'memory' ? reader.read() : inTurn(gate, async () => await reader.read())
      const { names, ended } = reading instanceof Promise ? await reading : reading
      const { entries, links } = await looks.at(names)
      if (links.length > 0) await follow(links, followed, entries)
      if (entries.length > 0) yield entries
      if (ended) return
      // A directory in memory is never waited for: others would not come in otherwise.
      if (volume === 'memory') await setImmediate()
    }
  } finally {
    reader.close()
  }
}

/** What names stand for; those that are gone since the directory was read are left out. */
type Seen = { readonly entries: Entry[]; readonly links: string[] }

/** Through the thread pool, a few at once. */
async function follow(
  links: readonly string[],
  followed: (name: string) => Promise<Entry | undefined>,
  entries: Entry[],
): Promise<void> {
  for (let first = 0; first < links.length; first += looksAtOnce) {
    const found = await Promise.all(links.slice(first, first + looksAtOnce).map(followed))
    for (const entry of found) if (entry !== undefined) entries.push(entry)
  }
}

/**
 * Looks at what names stand for. The directory was just read through the thread pool, unless it is in memory, and so is
 * the first name of each further slice, so that a volume that hangs holds up this listing only; where it answers, the
 * slice is asked directly, for a few milliseconds. After a slice that got nowhere, names are asked through the thread pool alone for a while, and
 * for twice as long each time: the volume may be slow, or only the machine have been busy just then.
 */
class Looks {
  readonly #directory: Pinned
  readonly #descriptor: number | undefined
  readonly #statx: Statx | undefined
  readonly #gate: VolumeGate | undefined
  #throughPool = 0
  #backoff = 0

  constructor(directory: Pinned, statx: Statx | undefined, gate: VolumeGate | undefined) {
    this.#directory = directory
    this.#descriptor = directory.descriptor
    this.#statx = statx
    this.#gate = gate
  }

  async at(names: readonly string[]): Promise<Seen> {
    const seen: Seen = { entries: [], links: [] }
    for (let next = 0; next < names.length; ) {
      if (next > 0 || this.#throughPool > 0) {
        const asked = names.slice(next, next + Math.max(1, Math.min(this.#throughPool, looksAtOnce)))
        const found = await Promise.all(asked.map(name => inTurn(this.#gate, () => lookInPool(this.#directory, name))))
        for (const [index, name] of asked.entries()) note(seen, name, found[index])
        next += asked.length
        this.#throughPool = Math.max(0, this.#throughPool - asked.length)
        if (this.#throughPool > 0) continue
      }
      const end = this.#slice(names, next, seen)
      const gotNowhere = end < names.length && end - next < slowSliceEntries
      this.#backoff = gotNowhere ? Math.min(maxBackoffEntries, Math.max(looksAtOnce, this.#backoff * 2)) : 0
      this.#throughPool = this.#backoff
      next = end
    }
    return seen
  }

  /** Looks at as many names as there is time for, and returns where it has ended. */
  #slice(names: readonly string[], first: number, seen: Seen): number {
    const end = performance.now() + sliceMilliseconds
    // The first one alone may have taken long.
    let next = this.#lookAt(names, first, 1, seen)
    while (next < names.length && performance.now() < end) next = this.#lookAt(names, next, looksPerClock, seen)
    return next
  }

  /** Looks at some names, no more than `count`, and returns where it has ended. */
  #lookAt(names: readonly string[], first: number, count: number, seen: Seen): number {
    const { entries } = seen
    const end = Math.min(names.length, first + count)
    for (let index = first; index < end; index++) {
      const name = names[index] ?? ''
      const found = this.#look(name)
      if (typeof found === 'object') entries.push(found)
      else note(seen, name, found)
    }
    return end
  }

  #look(name: string): Found {
    const found =
      this.#statx === undefined || this.#descriptor === undefined ? 'unknown' : this.#statx(this.#descriptor, name)
    return found === 'unknown' ? lookByPath(this.#directory, name) : found
  }
}

function note({ entries, links }: Seen, name: string, found: Found | undefined): void {
  if (found === 'link') links.push(name)
  else if (found !== undefined && found !== 'gone') entries.push(found)
}

function lookByPath(directory: Pinned, name: string): Found {
  const stats = lstatSync(directory.address(name), { throwIfNoEntry: false })
  if (stats === undefined) return 'gone'
  return stats.isSymbolicLink() ? 'link' : toEntry(name, stats)
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

keepKind(() => new Looks({} as Pinned, undefined, undefined))
