import { describe, expect, it } from 'vitest'
import { createMemoryStorage } from './memory.ts'
import { filterNames, nameFilter } from './name-filter.ts'
import { type Storage, StorageError } from './storage.ts'

const filter = (hide: readonly string[], deny: readonly string[] = []) => {
  const made = nameFilter([{ hide, deny }])
  if (made === undefined) throw new Error('unreachable')
  return made
}

describe('patterns of names', () => {
  it.each([
    ['*.key', '/a.key', true],
    ['*.key', '/A.KEY', true],
    ['*.KEY', '/a.key', true],
    ['*.key', '/.key', true],
    ['*.key', '/a.key.txt', false],
    ['*.key', '/deep/a.key/below', true],
    ['.*', '/.ssh/id', true],
    ['.*', '/a/b.c', false],
    ['secret', '/secrets', false],
    ['?[ab]', '/xA', true],
    ['?[ab]', '/xc', false],
    ['Ä*', `/${'ä'.normalize('NFD')}bc`, true],
    ['*', '/', false],
    ['*', '/anything', true],
  ])('%s denies %s: %s', (pattern, path, denied) => {
    expect(filter([], [pattern]).denies(path)).toBe(denied)
  })

  it('of the server and of the user count together, and cost nothing where there are none', () => {
    const both = nameFilter([{ hide: ['a'], deny: [] }, { hide: ['b'], deny: ['c'] }, undefined])
    expect([both?.hides('a'), both?.hides('b'), both?.hides('c'), both?.denies('/c')]).toEqual([
      true,
      true,
      false,
      true,
    ])
    expect(nameFilter([{ hide: [], deny: [] }, undefined])).toBeUndefined()
  })

  it('that would take long to try are not tried long', () => {
    const { denies } = filter([], [`${'*a'.repeat(100)}b`])
    expect(denies(`/${'a'.repeat(255)}`)).toBe(false)
  })
})

async function put(storage: Storage, path: string): Promise<void> {
  const file = await storage.write(path, { kind: 'replace' })
  await file.finish()
}

const kindOf = (operation: Promise<unknown>): Promise<string> =>
  operation.then(
    () => 'done',
    (error: unknown) => (error instanceof StorageError ? error.kind : String(error)),
  )

describe('a tree with a denied name in it', () => {
  const watch = { signal: new AbortController().signal, progress: { bytes: 0 } }

  it('is not removed as a whole, and loses nothing; one with hidden names is', async () => {
    const bare = createMemoryStorage()
    for (const path of ['/tree', '/tree/deep', '/other']) await bare.makeDirectory(path)
    for (const path of ['/tree/a', '/tree/deep/x.key', '/other/.hidden']) await put(bare, path)
    const storage = filterNames(bare, filter(['.*'], ['*.key']))
    expect(await kindOf(storage.removeTree('/tree', watch))).toBe('not-empty')
    expect((await bare.stat('/tree/a')).type).toBe('file')
    expect(await kindOf(storage.removeTree('/other', watch))).toBe('done')
  })
})

describe('a storage with a filter', () => {
  it('makes directories with the permissions that were asked for', async () => {
    const storage = filterNames(createMemoryStorage(), filter([], ['*.key']))
    await storage.makeDirectory('/private', 0o700)
    expect((await storage.stat('/private')).mode).toBe(0o700)
  })

  it.each<[string, (storage: Storage) => Promise<unknown>, string]>([
    ['reads', async storage => await storage.read('/x.key', 0), 'not-found'],
    ['removes', storage => storage.removeFile('/x.key'), 'not-found'],
    ['renames', storage => storage.rename('/x.key', '/y'), 'not-found'],
    ['makes', storage => storage.makeDirectory('/y.key'), 'forbidden'],
    ['writes', async storage => await storage.write('/y.key', { kind: 'create' }), 'forbidden'],
    ['gives the name of', storage => storage.rename('/a', '/y.key'), 'forbidden'],
  ])('never %s what is denied', async (_, operation, kind) => {
    const bare = createMemoryStorage()
    for (const path of ['/a', '/x.key']) await put(bare, path)
    expect(await kindOf(operation(filterNames(bare, filter([], ['*.key']))))).toBe(kind)
    expect(await Promise.all(['/a', '/x.key'].map(path => kindOf(bare.stat(path))))).toEqual(['done', 'done'])
    expect(await kindOf(bare.stat('/y.key'))).toBe('not-found')
  })
})
