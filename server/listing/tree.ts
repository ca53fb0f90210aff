/** LIST -R: a directory, and all that are below it, each with a heading as `ls -lR` has it. */
import { joinPath } from '../storage/path.ts'
import { type Entry, StorageError } from '../storage/storage.ts'
import { isPassable } from './passable.ts'
import type { Batches } from './select.ts'

/** A line that is not an entry’s. */
export type Heading = { readonly heading: string }
export type TreeBatches = AsyncIterable<readonly (Entry | Heading)[]>

/** What is more than this ends the listing with `failed`. */
export type TreeLimits = {
  readonly depth: number
  readonly directories: number
  readonly entries: number
  /** That the storage takes; how long the client takes to read is its own affair. */
  readonly milliseconds: number
}

const defaults: TreeLimits = { depth: 32, directories: 10_000, entries: 100_000, milliseconds: 30_000 }

type Directory = { readonly path: string; readonly label: string; readonly depth: number }

/** Directories come in the order of their entries; links are shown and not followed, so that there is an end. */
export async function* tree(
  base: string,
  entriesOf: (path: string) => Batches,
  limits: TreeLimits = defaults,
): TreeBatches {
  const work = new Work(limits)
  const waiting: Directory[] = [{ path: base, label: '.', depth: 0 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, label, depth } = next
    work.begin(depth)
    yield depth === 0 ? [{ heading: `${label}:` }] : [{ heading: '' }, { heading: `${label}:` }]
    const below: Directory[] = []
    for await (const batch of readable(work.timed(entriesOf(path)), depth)) {
      work.count(batch.length)
      for (const { name, type, linkTarget } of batch) {
        if (type !== 'directory' || linkTarget !== undefined || name === '.' || name === '..') continue
        below.push({ path: joinPath(path, name), label: `${label}/${name}`, depth: depth + 1 })
      }
      yield batch
    }
    waiting.push(...below.toReversed())
  }
}

/** What is gone by now, or is not for this user, is listed as empty. */
async function* readable(batches: Batches, depth: number): Batches {
  try {
    yield* batches
  } catch (error) {
    if (depth === 0 || !isPassable(error)) throw error
  }
}

class Work {
  readonly #limits: TreeLimits
  #directories = 0
  #entries = 0
  #milliseconds = 0

  constructor(limits: TreeLimits) {
    this.#limits = limits
  }

  begin(depth: number): void {
    this.#directories += 1
    this.#check(depth <= this.#limits.depth && this.#directories <= this.#limits.directories)
  }

  count(entries: number): void {
    this.#entries += entries
    this.#check(this.#entries <= this.#limits.entries)
  }

  async *timed(batches: Batches): Batches {
    let asked = performance.now()
    for await (const batch of batches) {
      this.#milliseconds += performance.now() - asked
      this.#check(this.#milliseconds <= this.#limits.milliseconds)
      yield batch
      asked = performance.now()
    }
    this.#milliseconds += performance.now() - asked
  }

  #check(isWithin: boolean): void {
    if (!isWithin) throw new StorageError('failed', { cause: new Error('too much for a listing of a whole tree') })
  }
}
