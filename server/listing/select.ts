/** What the path of LIST, NLST or STAT stands for: a directory's entries, one file, or all that matches a pattern. */

import { compilePattern, isPattern } from '../storage/glob.ts'
import { joinPath, namesOf } from '../storage/path.ts'
import { type Entry, isStorageError, type Storage, StorageError } from '../storage/storage.ts'
import type { ListFlag } from './flags.ts'
import { isPassable } from './passable.ts'

export type Batches = AsyncIterable<readonly Entry[]>
export type Selection = {
  readonly kind: 'directory' | 'one' | 'pattern'
  /** The directory that names are relative to. */
  readonly base: string
  readonly batches: Batches
}

const maxPatternDepth = 8
const maxResults = 10_000
const maxDirectories = 10_000

/** Rejects with a StorageError if there is no such path, or the user may not list it. What is named like a pattern comes before what matches it. */
export async function select(storage: Storage, path: string, flags: ReadonlySet<ListFlag>): Promise<Selection> {
  const entry = await statUnlessPattern(storage, path)
  if (entry === undefined) return await selectPattern(storage, path, flags)
  if (entry.type === 'directory' && !flags.has('d')) {
    return { kind: 'directory', base: path, batches: storage.list(path) }
  }
  return { kind: 'one', base: path, batches: single(entry.name === '' ? { ...entry, name: '.' } : entry) }
}

async function statUnlessPattern(storage: Storage, path: string): Promise<Entry | undefined> {
  try {
    return await storage.stat(path)
  } catch (error) {
    if (isPattern(path) && (isStorageError(error, 'not-found') || isStorageError(error, 'not-a-directory')))
      return undefined
    throw error
  }
}

async function selectPattern(storage: Storage, path: string, flags: ReadonlySet<ListFlag>): Promise<Selection> {
  const names = namesOf(path)
  const literal = await countLiteral(storage, names)
  const base = `/${names.slice(0, literal).join('/')}`
  const hidden = flags.has('a') || flags.has('A') ? 'matched' : 'left-out'
  const components = names.slice(literal).map(name => (isPattern(name) ? compilePattern(name, hidden) : name))
  if (components.length > maxPatternDepth) throw new StorageError('name-not-allowed')
  if ((await storage.stat(base)).type !== 'directory') throw new StorageError('not-a-directory')
  const [first] = components
  if (first === undefined || typeof first === 'string') throw new StorageError('not-found')
  const batches =
    components.length === 1
      ? filtered(storage.list(base), first)
      : matching(storage, base, '', components, { results: 0, directories: 0 })
  return { kind: 'pattern', base, batches }
}

/** How many names come before the first that is a pattern and not the name of a directory. */
async function countLiteral(storage: Storage, names: readonly string[]): Promise<number> {
  let literal = 0
  for (const name of names) {
    if (isPattern(name) && !(await exists(storage, `/${names.slice(0, literal + 1).join('/')}`))) return literal
    literal += 1
  }
  return literal
}

async function exists(storage: Storage, path: string): Promise<boolean> {
  try {
    return (await storage.stat(path)).type === 'directory'
  } catch (error) {
    if (isPassable(error)) return false
    throw error
  }
}

async function* single(entry: Entry): Batches {
  yield [entry]
}

async function* filtered(batches: Batches, matches: (name: string) => boolean): Batches {
  for await (const batch of batches) yield batch.filter(({ name }) => matches(name))
}

type Component = string | ((name: string) => boolean)
type Work = { results: number; directories: number }

/** Goes down level by level; `prefix` is what was matched so far. Bounded by the depth, the results and the directories read. */
async function* matching(
  storage: Storage,
  directory: string,
  prefix: string,
  components: readonly Component[],
  work: Work,
): Batches {
  const [component, ...deeper] = components
  if (component === undefined) return
  for await (const batch of candidates(storage, directory, component, work)) {
    if (deeper.length === 0) {
      work.results += batch.length
      if (work.results > maxResults)
        throw new StorageError('failed', { cause: new Error('too many matches of a pattern') })
      yield batch.map(entry => ({ ...entry, name: prefix + entry.name }))
      continue
    }
    for (const { name, type } of batch) {
      if (type === 'directory') yield* matching(storage, joinPath(directory, name), `${prefix}${name}/`, deeper, work)
    }
  }
}

async function* candidates(storage: Storage, directory: string, component: Component, work: Work): Batches {
  work.directories += 1
  if (work.directories > maxDirectories) {
    throw new StorageError('failed', { cause: new Error('too many directories for a pattern') })
  }
  try {
    if (typeof component === 'string') yield [await storage.stat(joinPath(directory, component))]
    else yield* filtered(storage.list(directory), component)
  } catch (error) {
    // It matches nothing.
    if (!isPassable(error)) throw error
  }
}
