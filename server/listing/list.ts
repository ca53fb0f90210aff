/** What LIST, NLST and MLSD send: lines that end with CRLF, in chunks, made while the directory is read. */
import { setImmediate } from 'node:timers/promises'
import type { Permission } from '../config/schema/permissions.ts'
import { keepKind } from '../kinds.ts'
import { parentOf, resolvePath } from '../storage/path.ts'
import { type Entry, type Storage, StorageError } from '../storage/storage.ts'
import { type FactName, FactsFormat } from './facts.ts'
import type { ListFlag } from './flags.ts'
import { Lines } from './lines.ts'
import { LongFormat } from './long.ts'
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
  const format = new LongFormat(timeZone, now)
  const entries = entriesOf(storage, selection, flags)
  // As most clients ask, and with nothing between the entries and their lines.
  if (!lineFlags.some(flag => flags.has(flag))) return encoded(entries(selection.base, selection.batches), format)
  const shown = flags.has('L') ? withoutLink : (entry: Entry) => entry
  const mark = flags.has('F') ? markDirectory : noMark
  return encoded(treeOf(storage, selection, flags, entries), {
    add(lines, item) {
      if ('heading' in item) return lines.add(item.heading)
      format.add(lines, shown(item))
      mark(lines, item)
    },
  })
}

const lineFlags = ['F', 'L', 'R'] as const satisfies readonly ListFlag[]

/** In order, and with the directory itself and the one above it where they are asked for. */
function entriesOf(
  storage: Storage,
  { kind }: Selection,
  flags: ReadonlySet<ListFlag>,
): (path: string, listed: Batches) => Batches {
  const withThem = kind === 'directory' && flags.has('a')
  return (path, listed) => ordered(withThem ? withDots(storage, path, listed) : listed, flags)
}

function treeOf(
  storage: Storage,
  { kind, base, batches }: Selection,
  flags: ReadonlySet<ListFlag>,
  entries: (path: string, listed: Batches) => Batches,
): TreeBatches {
  if (kind !== 'directory' || !flags.has('R')) return entries(base, batches)
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
  return encoded(ordered(selection.batches, flags), {
    add(lines, entry) {
      lines.add(name(entry))
      mark(lines, entry)
    },
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
  return encoded(storage.list(path), new ChildFacts(new FactsFormat(facts), permissionsOf))
}

class ChildFacts implements LineFormat<Entry> {
  readonly #format: FactsFormat
  readonly #permissionsOf: FactsOptions['permissionsOf']

  constructor(format: FactsFormat, permissionsOf: FactsOptions['permissionsOf']) {
    this.#format = format
    this.#permissionsOf = permissionsOf
  }

  add(lines: Lines, child: Entry): void {
    this.#format.add(lines, child, this.#permissionsOf(child.name))
  }
}

// Some 2,000 lines: what is shorter is one write.
const chunkBytes = 163_840
const usualLineBytes = 112
const roomForLine = 1024

/**
 * Adds one line without its end. Of a class where many lines are made: a function that is made anew for each listing would
 * have V8 throw the code away that it has made for the one before.
 */
interface LineFormat<Item> {
  add(lines: Lines, item: Item): void
}

/** Chunks are valid until the next one is asked for. */
async function* encoded<Item extends Entry | Heading>(
  batches: AsyncIterable<readonly Item[]>,
  format: LineFormat<Item>,
): AsyncIterable<Uint8Array> {
  let lines: Lines | undefined
  for await (const batch of batches) {
    lines ??= new Lines(Math.min(batch.length * usualLineBytes, chunkBytes) + roomForLine)
    for (let added = 0; added < batch.length; ) {
      added = addLines(lines, batch, added, format)
      if (lines.length < chunkBytes) continue
      yield lines.take()
      // Where the client takes all at once, nothing else would let other sessions in.
      await setImmediate()
    }
  }
  if (lines !== undefined && lines.length > 0) yield lines.take()
}

/**
 * A loop over a whole listing is replaced by better code while it runs, and more than once, before there is code for the function:
 * a function that is called often for a few entries each has good code sooner, and once.
 */
const entriesAtOnce = 32

/** Adds some lines, and no more once the chunk is full; how many of the entries have theirs then. */
function addLines<Item extends Entry | Heading>(
  lines: Lines,
  entries: readonly Item[],
  first: number,
  format: LineFormat<Item>,
): number {
  const end = Math.min(entries.length, first + entriesAtOnce)
  for (let index = first; index < end; index++) {
    const entry = entries[index]
    if (entry === undefined) continue
    format.add(lines, entry)
    lines.endLine()
    if (lines.length >= chunkBytes) return index + 1
  }
  return end
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

keepKind(() => new ChildFacts(new FactsFormat([]), () => new Set()))
