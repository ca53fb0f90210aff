import { describe, expect, it } from 'vitest'
import { withFolders } from './folders.ts'
import { createMemoryStorage } from './memory.ts'
import { type Storage, StorageError, type Watch, type WriteMode } from './storage.ts'

async function put(storage: Storage, path: string, text = path): Promise<void> {
  const file = await storage.write(path, { kind: 'replace' })
  await file.write(Buffer.from(text))
  await file.finish()
}

async function textOf(storage: Storage, path: string): Promise<string> {
  const file = await storage.read(path, 0)
  const buffer = Buffer.alloc(100)
  const count = await file.read(buffer)
  await file.close()
  return buffer.toString('utf8', 0, count)
}

async function namesIn(storage: Storage, path: string): Promise<string[]> {
  const names: string[] = []
  for await (const batch of storage.list(path)) names.push(...batch.map(({ name }) => name))
  return names.toSorted()
}

const kindOf = (operation: Promise<unknown>): Promise<string> =>
  operation.then(
    () => 'done',
    (error: unknown) => (error instanceof StorageError ? error.kind : String(error)),
  )

const watch = (): Watch => ({ signal: new AbortController().signal, progress: { bytes: 0 } })

/** A home with folders at `/shared` and `/far/off/deep`, another one within the first, and something of its own where they are. */
async function tree() {
  const [home, shared, deep, inner] = [0, 1, 2, 3].map(() => createMemoryStorage())
  if (!home || !shared || !deep || !inner) throw new Error('unreachable')
  await home.makeDirectory('/shared')
  await put(home, '/shared/covered')
  await put(home, '/own')
  await put(shared, '/file', 'of shared')
  await shared.makeDirectory('/dir')
  const opened: string[] = []
  const folder = (path: string, storage: Storage) => ({
    path,
    open: async () => {
      opened.push(path)
      return storage
    },
  })
  const storage = withFolders(home, [
    folder('/shared', shared),
    folder('/far/off/deep', deep),
    folder('/shared/inner', inner),
  ])
  return { storage, home, shared, deep, inner, opened }
}

describe('virtual folders', () => {
  it('are listed where they are, with the directories on the way to them, and cover what is there', async () => {
    const { storage } = await tree()
    expect(await namesIn(storage, '/')).toEqual(['far', 'own', 'shared'])
    expect(await namesIn(storage, '/shared')).toEqual(['dir', 'file', 'inner'])
    expect(await namesIn(storage, '/far')).toEqual(['off'])
    expect(await namesIn(storage, '/far/off')).toEqual(['deep'])
    expect(await namesIn(storage, '/far/off/deep')).toEqual([])
    expect(await kindOf(storage.stat('/shared/covered'))).toBe('not-found')
  })

  it('are directories that are told to be fixed; the tree’s own entries are not', async () => {
    const { storage, shared } = await tree()
    for (const path of ['/shared', '/shared/inner', '/far', '/far/off', '/far/off/deep']) {
      expect(await storage.stat(path)).toMatchObject({ type: 'directory', fixed: true, name: path.split('/').at(-1) })
    }
    for (const path of ['/own', '/shared/file', '/shared/dir', '/']) {
      expect((await storage.stat(path)).fixed).toBeUndefined()
    }
    expect((await storage.stat('/shared')).modified).toBe((await shared.stat('/')).modified)
    const uniques = ['/', '/far', '/far/off'].map(async path => (await storage.stat(path)).unique)
    expect(new Set(await Promise.all(uniques)).size).toBe(3)
  })

  it('take what is written to them, and nobody else does', async () => {
    const { storage, home, shared, deep, inner } = await tree()
    await put(storage, '/shared/new', 'one')
    await put(storage, '/shared/inner/new', 'two')
    await put(storage, '/far/off/deep/new', 'three')
    expect([await textOf(shared, '/new'), await textOf(inner, '/new'), await textOf(deep, '/new')]).toEqual([
      'one',
      'two',
      'three',
    ])
    expect(await namesIn(home, '/')).toEqual(['own', 'shared'])
    expect(await textOf(storage, '/shared/file')).toBe('of shared')
  })

  it('tell uploads under the path that the user sees', async () => {
    const { storage } = await tree()
    const file = await storage.write('/shared/dir/up', { kind: 'create' })
    expect(file.path).toBe('/shared/dir/up')
    await file.abandon()
  })

  it.each(['/shared', '/far', '/far/off', '/far/off/deep', '/shared/inner'])(
    '%s stays, whatever is done to it',
    async path => {
      const { storage } = await tree()
      const write = async (mode: WriteMode) => await storage.write(path, mode)
      const read = async () => await storage.read(path, 0)
      const results: Record<string, string> = {
        write: await kindOf(write({ kind: 'replace' })),
        create: await kindOf(write({ kind: 'create' })),
        append: await kindOf(write({ kind: 'append' })),
        read: await kindOf(read()),
        from: await kindOf(storage.rename(path, '/elsewhere')),
        to: await kindOf(storage.rename('/own', path)),
        file: await kindOf(storage.removeFile(path)),
        directory: await kindOf(storage.removeDirectory(path)),
        tree: await kindOf(storage.removeTree(path, watch())),
        make: await kindOf(storage.makeDirectory(path)),
        mode: await kindOf(storage.setMode(path, 0o700)),
        time: await kindOf(storage.setModified(path, 0)),
        link: await kindOf(storage.makeLink(path, '/own')),
      }
      expect(results).toEqual({
        write: 'not-a-file',
        create: 'exists',
        append: 'not-a-file',
        read: 'not-a-file',
        from: 'forbidden',
        to: 'forbidden',
        file: 'not-a-file',
        directory: 'forbidden',
        tree: 'forbidden',
        make: 'exists',
        mode: 'forbidden',
        time: 'forbidden',
        link: 'exists',
      })
      expect((await storage.stat(path)).type).toBe('directory')
    },
  )

  it('let nothing be renamed from one to another, but within each', async () => {
    const { storage } = await tree()
    expect(await kindOf(storage.rename('/own', '/shared/own'))).toBe('not-supported')
    expect(await kindOf(storage.rename('/shared/file', '/far/off/deep/file'))).toBe('not-supported')
    await storage.rename('/shared/file', '/shared/dir/file')
    expect(await textOf(storage, '/shared/dir/file')).toBe('of shared')
  })

  it('can’t be removed with a directory of the tree that is above them', async () => {
    const { storage, home } = await tree()
    await home.makeDirectory('/far')
    await put(home, '/far/mine')
    expect(await kindOf(storage.removeTree('/far', watch()))).toBe('forbidden')
    expect(await namesIn(storage, '/far')).toEqual(['mine', 'off'])
    await storage.removeFile('/far/mine')
  })

  it('whose place the tree has a file at are there all the same', async () => {
    const { storage, home } = await tree()
    await put(home, '/far', 'a file in the way')
    expect(await storage.stat('/far')).toMatchObject({ type: 'directory' })
    expect(await namesIn(storage, '/far')).toEqual(['off'])
    expect(await namesIn(storage, '/')).toEqual(['far', 'own', 'shared'])
  })

  it('that can’t be opened are not listed, say why where they are asked for, and are tried again', async () => {
    const home = createMemoryStorage()
    let broken = true
    const storage = withFolders(home, [
      {
        path: '/away',
        open: async () => {
          if (broken) throw new StorageError('not-answering')
          return createMemoryStorage()
        },
      },
    ])
    expect(await namesIn(storage, '/')).toEqual([])
    expect(await kindOf(storage.stat('/away/file'))).toBe('not-answering')
    broken = false
    expect(await namesIn(storage, '/')).toEqual(['away'])
    await put(storage, '/away/file')
  })

  it('are opened when they are used, and not before', async () => {
    const { storage, opened } = await tree()
    await textOf(storage, '/own')
    expect(opened).toEqual([])
    await storage.stat('/shared/file')
    await storage.stat('/shared/dir')
    expect(opened).toEqual(['/shared'])
    await storage.close()
    expect(opened).toEqual(['/shared'])
  })

  it('cost nothing where there are none', () => {
    const storage = createMemoryStorage()
    expect(withFolders(storage, [])).toBe(storage)
  })
})
