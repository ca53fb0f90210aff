/** Large lists of users: taken apart in a thread, of which only entries come that were not there before. */

import type { Network } from '../network.ts'
import { inSlices } from '../slices.ts'
import { validateUserList } from '../validate.ts'
import { type KnownList, type ListEntry, type ParsedList, parseEntry, pathOf } from './list-entry.ts'
import { digestBytes, isNew } from './list-messages.ts'
import { ListThread } from './list-thread.ts'

const largeDeadlineMilliseconds = 60_000

export async function parseLargeList(content: Uint8Array, last: KnownList | undefined): Promise<ParsedList> {
  await using thread = new ListThread(largeDeadlineMilliseconds)
  try {
    const head = await thread.head({ content, known: reusable(last) })
    if (!head.parsed) return { accepted: false, violations: head.violations }
    const list = validateUserList(withCount(head.value, head.entries?.places.length))
    if (!list.valid || head.entries === undefined)
      return { accepted: false, violations: list.valid ? [] : list.violations }
    const { places, digests } = head.entries
    return { accepted: true, entries: await takeEntries(thread, places, last?.entries ?? []), entryDigests: digests }
  } catch (error) {
    const cause = tooLarge(error)
    if (cause === undefined) throw error
    return { accepted: false, violations: [{ path: '', message: cause }] }
  }
}

/** The digests of a list, without those of entries that were refused: what was wrong with one is told with its place. */
function reusable(last: KnownList | undefined): Uint8Array {
  const digests = last?.entryDigests?.slice() ?? new Uint8Array(0)
  for (const [index, { outcome }] of last?.entries.entries() ?? [])
    if (outcome.kind === 'refused') digests.fill(0, index * digestBytes, (index + 1) * digestBytes)
  return digests
}

async function takeEntries(
  thread: ListThread,
  places: Int32Array,
  last: readonly ListEntry[],
): Promise<readonly ListEntry[]> {
  const networks = new Map<string, Network>()
  const entries: ListEntry[] = []
  let values: readonly unknown[] = []
  let taken = 0
  let next = thread.entries()
  for (let from = 0; from < places.length; from += entriesAtOnce) {
    const slice = places.subarray(from, from + entriesAtOnce)
    let missing = slice.reduce((count, place) => (place === isNew ? count + 1 : count), 0) - (values.length - taken)
    while (missing > 0) {
      const more = await next
      if (more.length === 0) throw new Error('The list has fewer entries than it was said to have.')
      missing -= more.length
      values = [...values.slice(taken), ...more]
      taken = 0
      // The thread makes the next ones ready meanwhile.
      next = thread.entries()
      next.catch(() => {})
    }
    await inSlices(slice, place => {
      const known = last[place]
      entries.push(known === undefined ? parseEntry(values[taken++], entries.length, networks) : moved(known, entries))
    })
  }
  next.catch(() => {})
  return entries
}

const entriesAtOnce = 500

/** The same entry, where it is now. */
function moved(known: ListEntry, before: readonly ListEntry[]): ListEntry {
  const path = pathOf(before.length)
  return known.path === path ? known : { ...known, path }
}

/** For a look at the list as a whole, its entries only count. */
function withCount(value: unknown, entries: number | undefined): unknown {
  return entries === undefined ? value : { ...(value as object), users: Array.from({ length: entries }) }
}

function tooLarge(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return 'must need less memory to read; JSON needs least'
  }
  return error.name === 'AbortError' || error.name === 'TimeoutError'
    ? `must be read within ${largeDeadlineMilliseconds / 1000} seconds; JSON is read quickest`
    : undefined
}
