import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryStorage } from '../storage/memory.ts'
import { encodeName } from '../storage/name.ts'
import type { Entry, Storage } from '../storage/storage.ts'
import { parseFlags } from './flags.ts'
import { listDirectory, listFacts, listNames } from './list.ts'

const now = Date.UTC(2026, 5, 15)
let storage: Storage

async function store(path: string, size = 0, modified = now): Promise<void> {
  const file = await storage.write(path, { kind: 'replace' })
  await file.write(Buffer.alloc(size))
  await file.finish()
  await storage.setModified(path, modified)
}

beforeEach(async () => {
  storage = createMemoryStorage({ now: () => now })
  for (const path of ['/a', '/a/x', '/a/x/y', '/b', '/b/x', '/empty', '/c[1]']) await storage.makeDirectory(path)
  await store('/a/1.txt', 3, now - 3000)
  await store('/a/2.txt', 1, now - 1000)
  await store('/a/3.log', 2, now - 2000)
  await store('/a/.hidden')
  await store('/a/x/1.txt')
  await store('/a/x/y/deep.txt')
  await store('/b/x/1.txt')
  await store('/c[1]/odd[1].txt')
  await store('/c[1]/odd1.txt')
})

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk))
  return Buffer.concat(all).toString()
}

async function list(path: string, argument = ''): Promise<string[]> {
  const { flags } = parseFlags(argument)
  const lines = (await text(await listDirectory(storage, path, { flags, timeZone: 'UTC', now }))).split('\r\n')
  expect(lines.pop()).toBe('')
  return lines
}

async function shortList(path: string, argument = ''): Promise<string[]> {
  return (await list(path, argument)).map(line => line.slice(line.lastIndexOf(' ') + 1))
}

async function names(cwd: string, argument: string, flagText = ''): Promise<string[]> {
  const { flags } = parseFlags(flagText)
  const lines = (await text(await listNames(storage, cwd, argument, flags))).split('\r\n')
  expect(lines.pop()).toBe('')
  return lines
}

describe('LIST', () => {
  it('lists a directory, sorted by name', async () => {
    expect(await list('/a')).toEqual([
      '-rw-r--r--   1 0 0            0 Jun 15 00:00 .hidden',
      '-rw-r--r--   1 0 0            3 Jun 14 23:59 1.txt',
      '-rw-r--r--   1 0 0            1 Jun 14 23:59 2.txt',
      '-rw-r--r--   1 0 0            2 Jun 14 23:59 3.log',
      'drwxr-xr-x   1 0 0            0 Jun 15 00:00 x',
    ])
  })

  it('lists one file, and a directory itself with -d', async () => {
    expect(await shortList('/a/1.txt')).toEqual(['1.txt'])
    expect(await shortList('/a', '-d')).toEqual(['a'])
    expect(await shortList('/', '-d')).toEqual(['.'])
  })

  it('lists all below with -R, each directory in its own order, and . and .. with -a', async () => {
    expect(await shortList('/a', '-R')).toEqual(
      [
        ['.:', '.hidden', '1.txt', '2.txt', '3.log', 'x'],
        ['', './x:', '1.txt', 'y'],
        ['', './x/y:', 'deep.txt'],
      ].flat(),
    )
    expect((await shortList('/a', '-Rr')).slice(0, 2)).toEqual(['.:', 'x'])
    expect((await shortList('/a/x', '-Ra')).slice(0, 3)).toEqual(['.:', '.', '..'])
    expect(await shortList('/a/1.txt', '-R')).toEqual(['1.txt'])
  })

  it('sends nothing for an empty directory', async () => {
    expect(await list('/empty')).toEqual([])
  })

  it('adds . and .. with -a, and a slash to directories with -F', async () => {
    expect((await shortList('/a', '-a')).slice(0, 3)).toEqual(['.', '..', '.hidden'])
    expect(await shortList('/', '-F')).toEqual(['a/', 'b/', 'c[1]/', 'empty/'])
  })

  it.each([
    ['-t', ['x', '.hidden', '2.txt', '3.log', '1.txt']],
    ['-S', ['1.txt', '3.log', '2.txt', '.hidden', 'x']],
    ['-r', ['x', '3.log', '2.txt', '1.txt', '.hidden']],
    ['-Sr', ['x', '.hidden', '2.txt', '3.log', '1.txt']],
  ])('orders by %s', async (flags, expected) => {
    const sorted = flags === '-t' ? ['.hidden', 'x', ...expected.slice(2)] : expected
    expect(await shortList('/a', flags)).toEqual(sorted)
  })

  it('rejects before it sends anything', async () => {
    const options = { flags: new Set<never>(), timeZone: 'UTC', now }
    await expect(listDirectory(storage, '/none', options)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(listDirectory(storage, '/none/*', options)).rejects.toMatchObject({ kind: 'not-found' })
    await expect(listDirectory(storage, '/a/1.txt/*', options)).rejects.toMatchObject({ kind: 'not-a-directory' })
    await expect(listDirectory(storage, '/a/1.txt/x', options)).rejects.toMatchObject({ kind: 'not-a-directory' })
  })

  it('takes patterns', async () => {
    expect(await shortList('/a/*.txt')).toEqual(['1.txt', '2.txt'])
    expect(await shortList('/*/x')).toEqual(['a/x', 'b/x'])
    expect(await shortList('/*/*/1.*')).toEqual(['a/x/1.txt', 'b/x/1.txt'])
    expect(await shortList('/a/*')).toEqual(['1.txt', '2.txt', '3.log', 'x'])
    expect(await shortList('/none*')).toEqual([])
  })

  it('prefers what is named like a pattern', async () => {
    expect(await shortList('/c[1]')).toEqual(['odd1.txt', 'odd[1].txt'])
    expect(await shortList('/c[1]/odd[1].txt')).toEqual(['odd[1].txt'])
    expect(await shortList('/c[1]/odd*')).toEqual(['odd1.txt', 'odd[1].txt'])
    const options = { flags: new Set<never>(), timeZone: 'UTC', now }
    await expect(listDirectory(storage, '/c[1]/none', options)).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('refuses patterns of more than eight levels', async () => {
    const options = { flags: new Set<never>(), timeZone: 'UTC', now }
    await expect(listDirectory(storage, '/*/*/*/*/*/*/*/*/*', options)).rejects.toMatchObject({
      kind: 'name-not-allowed',
    })
  })
})

describe('NLST', () => {
  it.each([
    ['/a', '', ['.hidden', '1.txt', '2.txt', '3.log', 'x']],
    ['/', 'a', ['a/.hidden', 'a/1.txt', 'a/2.txt', 'a/3.log', 'a/x']],
    ['/', 'a/x/', ['a/x/1.txt', 'a/x/y']],
    ['/b', '/a/x', ['/a/x/1.txt', '/a/x/y']],
    ['/b', '/', ['/a', '/b', '/c[1]', '/empty']],
    ['/a', '..', ['../a', '../b', '../c[1]', '../empty']],
    ['/a', '1.txt', ['1.txt']],
    ['/', './a/1.txt', ['./a/1.txt']],
    ['/a', '*.txt', ['1.txt', '2.txt']],
    ['/', 'a/*.txt', ['a/1.txt', 'a/2.txt']],
    ['/b', '../a/*.txt', ['../a/1.txt', '../a/2.txt']],
    ['/b', '/a/./*.txt', ['/a/1.txt', '/a/2.txt']],
    ['/', '*/x', ['a/x', 'b/x']],
    ['/b', '/*/x', ['/a/x', '/b/x']],
    ['/a', 'none/../*.txt', ['none/../1.txt', 'none/../2.txt']],
    ['/a', '*/../*.log', ['*/../3.log']],
    ['/a', 'x*/y/../1*', ['/a/x/1.txt']],
    ['/c[1]', 'odd1*', ['odd1.txt']],
    ['/', 'empty', []],
    ['/', 'none*', []],
  ])('in %s, of %j', async (cwd, argument, expected) => {
    const found = await names(cwd, argument)
    expect(found.map(name => name.replace('/a/./', '/a/'))).toEqual(expected)
  })

  it('gives names that RETR takes, one a line', async () => {
    await store('/b/a\r\nb')
    await store('/b/g\udcfcn')
    const chunks: Uint8Array[] = []
    for await (const chunk of await listNames(storage, '/b', '', new Set())) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(Buffer.concat([Buffer.from('a%0D%0Ab\r\n'), encodeName('g\udcfcn\r\nx\r\n')]))
  })
})

describe('MLSD', () => {
  it('lists facts by what the user may do with each entry', async () => {
    const asked: string[] = []
    const permissionsOf = (name: string) => {
      asked.push(name)
      return new Set(name === 'x' ? (['list'] as const) : [])
    }
    const chunks = listFacts(storage, '/b', { facts: ['type', 'perm'], permissionsOf })
    expect(await text(chunks)).toBe('type=dir;perm=el; x\r\n')
    expect(asked).toEqual(['x'])
  })

  it('is of directories only', async () => {
    const options = { facts: [], permissionsOf: () => new Set<never>() }
    await expect(text(listFacts(storage, '/a/1.txt', options))).rejects.toMatchObject({ kind: 'not-a-directory' })
    await expect(text(listFacts(storage, '/none', options))).rejects.toMatchObject({ kind: 'not-found' })
  })
})

describe('large listings', () => {
  it('are sent in chunks while they are read, without sorting', async () => {
    let read = 0
    const entry = await storage.stat('/a/1.txt')
    async function* endless(): AsyncGenerator<readonly Entry[]> {
      for (;;) {
        read += 1000
        yield Array.from({ length: 1000 }, (_, index) => ({ ...entry, name: `n${read}-${index}` }))
      }
    }
    const large: Storage = Object.assign(storage, { list: endless })
    let bytes = 0
    for await (const chunk of await listDirectory(large, '/a', { flags: new Set(), timeZone: 'UTC', now })) {
      bytes += chunk.length
      expect(chunk.length).toBeLessThan(170_000)
      if (bytes > 2_000_000) break
    }
    expect(read).toBeGreaterThan(20_000)
    expect(read).toBeLessThan(60_000)
  })

  it('of up to 10,000 entries are sorted by their bytes', async () => {
    await storage.makeDirectory('/many')
    const expected = ['a', 'z', 'ä', '\uff5e', '🎉', ...Array.from({ length: 3000 }, (_, index) => `n${index}`)]
    for (const name of expected) await store(`/many/${name}`)
    const sorted = expected.map(name => Buffer.from(name)).toSorted((one, other) => one.compare(other))
    expect(await names('/many', '')).toEqual(sorted.map(String))
  })
})
