import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { concealedPath, concealIn } from './concealed.ts'
import { openLocalStorage } from './local/home.ts'
import { RunningUploads } from './local/uploads/running-uploads.ts'
import { createMemoryStorage } from './memory.ts'
import type { Storage } from './storage.ts'

describe('For a user', () => {
  test.each([
    ['/data', '/', '/data/.ftp-server', '/.ftp-server'],
    ['/data/', '/', '/data/.ftp-server/', '/.ftp-server'],
    ['/data', '/', '/data/a/state', '/a/state'],
    ['/data', '/a', '/data/a/state', '/state'],
    ['/data', '/A', '/data/a/state', '/state'],
    ['/data', '/b', '/data/a/state', undefined],
    ['/data', '/a/state', '/data/a/state', '/'],
    ['/data', '/a/State/deeper', '/data/a/state', '/'],
    ['/data', '/', '/data', undefined],
    ['/data', '/', '/', undefined],
    ['/data', '/', '/data-2/state', undefined],
    ['/data', '/', '/var/lib/state', undefined],
    ['/', '/', '/var/lib/state', '/var/lib/state'],
    ['/data', '/', '/data/..state', '/..state'],
  ])('of the root %s with the home %s, %s is %s', (root, home, directory, path) => {
    expect(concealedPath(root, home, directory)).toBe(path)
  })
})

async function storageWithState() {
  const bare = createMemoryStorage()
  for (const path of ['/a', '/a/.state', '/b']) await bare.makeDirectory(path)
  for (const path of ['/a/.state/bans', '/a/mine', '/b/.state']) {
    const file = await bare.write(path, { kind: 'create' })
    await file.finish()
  }
  return { bare, storage: concealIn(bare, '/a/.state') }
}

async function namesIn(storage: Storage, path: string): Promise<string[]> {
  const names: string[] = []
  for await (const batch of storage.list(path)) names.push(...batch.map(({ name }) => name))
  return names.toSorted()
}

describe('A concealed directory', () => {
  const operations: Record<string, (storage: Storage, path: string) => Promise<unknown>> = {
    stat: (storage, path) => storage.stat(path),
    list: (storage, path) => namesIn(storage, path),
    read: async (storage, path) => await storage.read(path, 0),
    create: async (storage, path) => await storage.write(path, { kind: 'create' }),
    replace: async (storage, path) => await storage.write(path, { kind: 'replace' }),
    append: async (storage, path) => await storage.write(path, { kind: 'append' }),
    resume: async (storage, path) => await storage.write(path, { kind: 'resume', offset: 0 }),
    unique: async (storage, path) => await storage.write(path, { kind: 'unique' }),
    'rename from': (storage, path) => storage.rename(path, '/b/moved'),
    'rename to': (storage, path) => storage.rename('/a/mine', path),
    'remove file': (storage, path) => storage.removeFile(path),
    'remove directory': (storage, path) => storage.removeDirectory(path),
    'make directory': (storage, path) => storage.makeDirectory(path),
    'set mode': (storage, path) => storage.setMode(path, 0o644),
    'set modified': (storage, path) => storage.setModified(path, 0),
  }
  test.each(Object.entries(operations))('is not found, nor anything in it: %s', async (_, operation) => {
    const { bare, storage } = await storageWithState()
    for (const path of ['/a/.state', '/a/.State', '/a/.state/bans', '/a/.state/new', '/A/.STATE/bans']) {
      await expect(operation(storage, path)).rejects.toMatchObject({ name: 'StorageError', kind: 'not-found' })
    }
    expect(await namesIn(bare, '/a/.state')).toEqual(['bans'])
  })

  test('is not listed, while the same name elsewhere is', async () => {
    const { storage } = await storageWithState()
    expect(await namesIn(storage, '/a')).toEqual(['mine'])
    expect(await namesIn(storage, '/b')).toEqual(['.state'])
  })

  test('stays where it is: no directory above it can be moved or removed', async () => {
    const { bare, storage } = await storageWithState()
    await expect(storage.rename('/a', '/c')).rejects.toMatchObject({ kind: 'forbidden' })
    await expect(storage.removeDirectory('/a')).rejects.toMatchObject({ name: 'StorageError' })
    expect(await namesIn(bare, '/a/.state')).toEqual(['bans'])
  })

  test('leaves everything else as it is', async () => {
    const { storage } = await storageWithState()
    await storage.rename('/b', '/c')
    await storage.rename('/a/mine', '/c/.state.1')
    await storage.setMode('/c/.state', 0o600)
    expect(await storage.setModified('/c/.state', 1000)).toBe(1000)
    const file = await storage.read('/c/.state', 0)
    await file.close()
    await storage.removeFile('/c/.state')
    expect(await namesIn(storage, '/c')).toEqual(['.state.1'])
  })
})

describe('In a directory of the system', () => {
  test('no link leads to what is concealed, and no home lies in it', async () => {
    const root = await mkdtemp(join(tmpdir(), 'concealed-'))
    onTestFinished(() => rm(root, { recursive: true }))
    const concealed = join(root, '.state')
    await mkdir(join(concealed, 'deeper'), { recursive: true })
    await writeFile(join(concealed, 'bans'), 'secret')
    await symlink('.state', join(root, 'relative'))
    await symlink(concealed, join(root, 'absolute'))
    await symlink('.state/bans', join(root, 'file'))
    const open = (home: string) => openLocalStorage({ root, home, uploads: new RunningUploads(), concealed })
    const storage = await open('/')
    onTestFinished(() => storage.close())
    expect(await namesIn(storage, '/')).toEqual([])
    for (const path of ['/.state', '/.state/bans', '/relative/bans', '/absolute/bans', '/file']) {
      await expect((async () => await storage.read(path, 0))()).rejects.toMatchObject({ kind: 'not-found' })
    }
    for (const home of ['/.state', '/.state/deeper', '/.state/new']) {
      await expect(open(home)).rejects.toMatchObject({ kind: 'not-found' })
    }
    expect(await readdir(concealed)).toEqual(['bans', 'deeper'])
    const elsewhere = await open('/alice')
    await elsewhere.makeDirectory('/.state')
    await elsewhere.close()
  })
})
