import { expect, it } from 'vitest'
import { createMemoryStorage } from '../storage/memory.ts'
import type { Entry } from '../storage/storage.ts'
import { StorageError } from '../storage/storage.ts'
import { type TreeLimits, tree } from './tree.ts'

const storage = createMemoryStorage({ now: () => 0 })
for (const path of ['/a', '/a/b', '/a/b/c', '/d', '/d/secret']) await storage.makeDirectory(path)

const none: TreeLimits = { depth: 9, directories: 9, entries: 9, milliseconds: 10_000 }

async function* entriesOf(path: string): AsyncIterable<readonly Entry[]> {
  if (path === '/d/secret') throw new StorageError('forbidden')
  for await (const batch of storage.list(path))
    yield batch.map(entry => (entry.name === 'c' ? { ...entry, linkTarget: '..' } : entry))
}

async function lines(base = '/', limits = none): Promise<string[]> {
  const all: string[] = []
  for await (const batch of tree(base, entriesOf, limits))
    all.push(...batch.map(item => ('heading' in item ? item.heading : item.name)))
  return all
}

it('has a heading for each directory, relative to the first, and follows no link', async () => {
  expect(await lines()).toEqual(
    [
      ['.:', 'a', 'd'],
      ['', './a:', 'b'],
      ['', './a/b:', 'c'],
      ['', './d:', 'secret'],
      ['', './d/secret:'],
    ].flat(),
  )
  expect(await lines('/a/b/c')).toEqual(['.:'])
})

it('is refused where the directory itself is, and passes over others', async () => {
  await expect(lines('/d/secret')).rejects.toMatchObject({ kind: 'forbidden' })
})

it.each([
  ['depth', 2, 1],
  ['directories', 5, 4],
  ['entries', 5, 4],
  ['milliseconds', 10_000, -1],
])('ends where there is more than its %s allow', async (name, enough, few) => {
  expect(await lines('/', { ...none, [name]: enough })).toHaveLength(14)
  await expect(lines('/', { ...none, [name]: few })).rejects.toMatchObject({ kind: 'failed' })
})
