/** What LIST, NLST and MLSD send: lines that end with CRLF, in chunks, made while the directory is read. */
import { setImmediate } from 'node:timers/promises'
import type { Permission } from '../config/schema/permissions.ts'
import { parentOf, resolvePath } from '../storage/path.ts'
import { type Entry, type Storage, StorageError } from '../storage/storage.ts'
import { type FactName, factsFormat } from './facts.ts'
import type { ListFlag } from './flags.ts'
import { Lines } from './lines.ts'
import { longFormat } from './long.ts'
import { ordered } from './order.ts'
import { type Batches, type Selection, select } from './select.ts'
import { type Heading, type TreeBatches, tree } from './tree.ts'

export type ListOptions = {
  readonly flags: ReadonlySet<ListFlag>
  /** IANA name of the zone that times are told in. */
  readonly timeZone: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * LIST and STAT: a directory's entries, one file, or what matches a pattern, in the long format of Unix. Rejects with a
 * StorageError before anything is sent if the path can't be listed. Up to 10,000 entries of a directory are sorted.
 */
export async function listDirectory(
  storage: Storage,
  path: string,
  { flags, timeZone, now }: ListOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const selection = await select(storage, path, flags)
  const format = longFormat(timeZone)
  const shown = flags.has('L') ? withoutLink : (entry: Entry) => entry
  const mark = flags.has('F') ? markDirectory : noMark
  return encoded(batchesOf(storage, selection, flags), (lines, entry) => {
    if ('heading' in entry) return lines.add(entry.heading)
    format(lines, shown(entry), now)
    mark(lines, entry)
  })
}

function batchesOf(storage: Storage, selection: Selection, flags: ReadonlySet<ListFlag>): TreeBatches {
  const { kind, base, batches } = selection
  if (kind !== 'directory') return ordered(batches, flags)
  const entries = (path: string, listed: Batches): Batches =>
    ordered(flags.has('a') ? withDots(storage, path, listed) : listed, flags)
  if (!flags.has('R')) return entries(base, batches)
  return tree(base, path => entries(path, path === base ? batches : storage.list(path)))
}

/** NLST: the names, written so that RETR takes them (RFC 1123 section 4.1.2.7): they begin with the argument as it was given. */
export async function listNames(
  storage: Storage,
  cwd: string,
  argument: string,
  flags: ReadonlySet<ListFlag>,
): Promise<AsyncIterable<Uint8Array>> {
  const path = resolvePath(cwd, argument)
  const selection = await select(storage, path, flags)
  const prefix = prefixOf(selection, cwd, argument)
  const mark = flags.has('F') ? markDirectory : noMark
  const name = (entry: Entry) => (selection.kind === 'one' ? argument || '.' : prefix + entry.name)
  return encoded(ordered(selection.batches, flags), (lines, entry) => {
    lines.add(name(entry))
    mark(lines, entry)
  })
}

export type FactsOptions = {
  readonly facts: readonly FactName[]
  /** What the user may do with an entry of that name. */
  readonly permissionsOf: (name: string) => ReadonlySet<Permission>
}

/** MLSD: the facts of a directory's entries. Throws, or rejects when it is read, for anything else. */
export function listFacts(
  storage: Storage,
  path: string,
  { facts, permissionsOf }: FactsOptions,
): AsyncIterable<Uint8Array> {
  const format = factsFormat(facts)
  return encoded(storage.list(path), (lines, child) => format(lines, child, permissionsOf(child.name)))
}

// Some 2,000 lines: what is shorter is one write.
const chunkBytes = 163_840

/** Chunks are valid until the next one is asked for. */
async function* encoded<Item extends Entry | Heading>(
  batches: AsyncIterable<readonly Item[]>,
  add: (lines: Lines, item: Item) => void,
): AsyncIterable<Uint8Array> {
  const lines = new Lines()
  for await (const batch of batches) {
    let added = addLines(lines, batch, 0, add)
    while (lines.length >= chunkBytes) {
      yield lines.take()
      // Where the client takes all at once, nothing else would let other sessions in.
      await setImmediate()
      added = addLines(lines, batch, added, add)
    }
  }
  if (lines.length > 0) yield lines.take()
}

/** Adds lines until the chunk is full; how many of the entries have theirs then. */
function addLines<Item extends Entry | Heading>(
  lines: Lines,
  entries: readonly Item[],
  first: number,
  add: (lines: Lines, item: Item) => void,
): number {
  for (let index = first; index < entries.length; index++) {
    const entry = entries[index]
    if (entry === undefined) continue
    add(lines, entry)
    lines.endLine()
    if (lines.length >= chunkBytes) return index + 1
  }
  return entries.length
}

async function* withDots(storage: Storage, base: string, batches: Batches): Batches {
  yield [{ ...(await storage.stat(base)), name: '.', linkTarget: undefined }]
  try {
    yield [{ ...(await storage.stat(parentOf(base))), name: '..', linkTarget: undefined }]
  } catch (error) {
    // The user may have no permission on the parent.
    if (!(error instanceof StorageError)) throw error
  }
  yield* batches
}

/** What stands before each name: as much of the argument as leads to the directory the names are in. */
function prefixOf({ kind, base }: Selection, cwd: string, argument: string): string {
  if (kind === 'directory') return argument === '' || argument.endsWith('/') ? argument : `${argument}/`
  const components = argument.split('/')
  for (let count = argument.startsWith('/') ? 1 : 0; count < components.length; count++) {
    const prefix = components
      .slice(0, count)
      .map(component => `${component}/`)
      .join('')
    if (resolvePath(cwd, prefix) === base && !components.slice(count).includes('..')) return prefix
  }
  return base === '/' ? base : `${base}/`
}

const withoutLink = (entry: Entry): Entry =>
  entry.linkTarget === undefined ? entry : { ...entry, linkTarget: undefined }
const noMark = (): void => {}
const markDirectory = (lines: Lines, { type }: Entry): void => {
  if (type === 'directory') lines.add('/')
}
