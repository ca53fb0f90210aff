/** The order of a listing's entries, as `ls` has it: by name, time or size. */
import { encodeName } from '../storage/name.ts'
import type { Entry } from '../storage/storage.ts'
import type { ListFlag } from './flags.ts'

/** Beyond so many entries a listing is sent as it is read: sorting needs all of them at once. */
const maxSorted = 10_000

export async function* ordered(
  batches: AsyncIterable<readonly Entry[]>,
  flags: ReadonlySet<ListFlag>,
): AsyncIterable<readonly Entry[]> {
  let held: readonly Entry[] | undefined = []
  for await (const batch of batches) {
    if (held === undefined) {
      yield batch
      continue
    }
    held = held.length === 0 ? batch : held.concat(batch)
    if (held.length <= maxSorted) continue
    yield held
    held = undefined
  }
  if (held !== undefined) yield sorted(held, flags)
}

function sorted(entries: readonly Entry[], flags: ReadonlySet<ListFlag>): Entry[] {
  const byName = surrogates.test(entries.map(nameOf).join('')) ? byBytes : byCodeUnits
  const compare = comparison(flags, byName)
  return entries.toSorted(flags.has('r') ? (one, other) => compare(other, one) : compare)
}

type Comparison = (one: Entry, other: Entry) => number

function comparison(flags: ReadonlySet<ListFlag>, byName: Comparison): Comparison {
  if (flags.has('S')) return (one, other) => other.size - one.size || byName(one, other)
  if (flags.has('t')) return (one, other) => other.modified - one.modified || byName(one, other)
  return byName
}

// Without surrogates, the order of UTF-16 units is that of the bytes in UTF-8.
const surrogates = /[\ud800-\udfff]/
const nameOf = ({ name }: Entry): string => name
// Two entries of a directory never have one name.
const byCodeUnits: Comparison = (one, other) => (one.name < other.name ? -1 : 1)
const byBytes: Comparison = (one, other) => encodeName(one.name).compare(encodeName(other.name))
