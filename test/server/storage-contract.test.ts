/** What every storage promises, over each of them. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import { loadGetdents } from '../../server/storage/local/kernel/getdents.ts'
import { loadStatx, type Statx } from '../../server/storage/local/kernel/statx.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { Volumes } from '../../server/storage/local/volumes/volume.ts'
import { createMemoryStorage } from '../../server/storage/memory.ts'
import type { Storage, StorageErrorKind, WriteMode } from '../../server/storage/storage.ts'

type Opened = { readonly storage: Storage; close(): Promise<void> }

const storages: Record<string, () => Promise<Opened>> = {
  local: () => openLocal(undefined),
  // Where there is no statx, this is the same once more.
  'local, by statx and getdents,': () => openLocal(loadStatx()),
  'local, at once,': () => openLocal(undefined, new Volumes()),
  'local, at once in memory,': () =>
    openLocal(undefined, new Volumes(), existsSync('/dev/shm') ? '/dev/shm' : tmpdir()),
  'local, atomic,': () => openLocal(undefined, undefined, tmpdir(), 'atomic'),
  'local, atomic, at once in memory,': () =>
    openLocal(undefined, new Volumes(), existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'atomic'),
  async memory() {
    const storage = createMemoryStorage()
    return { storage, close: () => storage.close() }
  },
}

async function openLocal(
  statx: Statx | undefined,
  volumes?: Volumes,
  directory = tmpdir(),
  mode: 'direct' | 'atomic' = 'direct',
): Promise<Opened> {
  const root = await mkdtemp(join(directory, 'storage-'))
  const storage = await openLocalStorage({
    root,
    home: '/users/alice',
    uploads: new RunningUploads(),
    uploading: { mode, durability: 'none', user: 'alice' },
    statx,
    getdents: statx && loadGetdents(),
    volumes,
  })
  return {
    storage,
    async close() {
      await storage.close()
      await rm(root, { recursive: true })
    },
  }
}

describe.each(Object.entries(storages))('%s storage', (_name, open) => {
  let opened: Opened
  let storage: Storage

  beforeEach(async () => {
    opened = await open()
    storage = opened.storage
  })
  afterEach(() => opened.close())

  async function store(path: string, text: string, mode: WriteMode = { kind: 'replace' }): Promise<string> {
    const file = await storage.write(path, mode)
    await file.write(Buffer.from(text))
    await file.finish()
    return file.path
  }

  async function load(path: string, offset = 0): Promise<string> {
    const file = await storage.read(path, offset)
    const buffer = Buffer.alloc(7)
    let text = ''
    for (let bytes = await file.read(buffer); bytes > 0; bytes = await file.read(buffer)) {
      text += buffer.toString('latin1', 0, bytes)
    }
    await file.close()
    return text
  }

  /** A refusal may come at once. */
  const read = async (path: string, offset: number) => await storage.read(path, offset)
  const write = async (path: string, mode: WriteMode) => await storage.write(path, mode)

  async function names(path: string): Promise<string[]> {
    const found: string[] = []
    for await (const batch of storage.list(path)) found.push(...batch.map(({ name }) => name))
    return found.toSorted()
  }

  async function expectRefusal(operation: Promise<unknown>, kind: StorageErrorKind): Promise<void> {
    await expect(operation).rejects.toMatchObject({ name: 'StorageError', kind })
  }

  it('begins as an empty directory', async () => {
    expect(await storage.stat('/')).toMatchObject({ name: '', type: 'directory' })
    expect(await names('/')).toEqual([])
  })

  it('gives back what was stored', async () => {
    await store('/a', 'some text, longer than a buffer')
    expect(await load('/a')).toBe('some text, longer than a buffer')
    expect(await storage.stat('/a')).toMatchObject({ name: 'a', type: 'file', size: 31 })
  })

  it('replaces what was longer', async () => {
    await store('/a', 'a long text')
    await store('/a', 'short')
    expect(await load('/a')).toBe('short')
  })

  it('reads from an offset, up to the very end', async () => {
    await store('/a', '0123456789')
    expect(await load('/a', 8)).toBe('89')
    expect(await load('/a', 10)).toBe('')
    await expectRefusal(read('/a', 11), 'bad-offset')
  })

  it('creates only what is not there', async () => {
    await store('/a', 'first', { kind: 'create' })
    await expectRefusal(write('/a', { kind: 'create' }), 'exists')
    await storage.makeDirectory('/d')
    await expectRefusal(write('/d', { kind: 'create' }), 'exists')
    expect(await load('/a')).toBe('first')
  })

  it('appends, and creates what is missing unless that is refused', async () => {
    await expectRefusal(write('/a', { kind: 'append', creating: 'refused' }), 'not-found')
    await store('/a', 'one', { kind: 'append' })
    await store('/a', 'two', { kind: 'append', creating: 'refused' })
    expect(await load('/a')).toBe('onetwo')
  })

  it('resumes at an offset and keeps what is before it and after what arrives', async () => {
    await store('/a', '0123456789')
    await store('/a', 'XY', { kind: 'resume', offset: 4 })
    expect(await load('/a')).toBe('0123XY6789')
    await store('/a', 'end', { kind: 'resume', offset: 10 })
    expect(await load('/a')).toBe('0123XY6789end')
  })

  it('leaves no hole when resuming', async () => {
    await store('/a', '0123')
    await expectRefusal(write('/a', { kind: 'resume', offset: 5 }), 'bad-offset')
    await expectRefusal(write('/missing', { kind: 'resume', offset: 5 }), 'bad-offset')
    await expectRefusal(storage.stat('/missing'), 'not-found')
  })

  it('resumes only at the end where overwriting is refused', async () => {
    await store('/a', '0123')
    await expectRefusal(write('/a', { kind: 'resume', offset: 3, overwriting: 'refused' }), 'forbidden')
    await store('/a', '45', { kind: 'resume', offset: 4, overwriting: 'refused' })
    expect(await load('/a')).toBe('012345')
  })

  it('makes new names for unique uploads, also at the same time', async () => {
    const paths = await Promise.all(
      Array.from({ length: 25 }, (_, index) => store('/u', String(index), { kind: 'unique' })),
    )
    expect(new Set(paths).size).toBe(25)
    expect(paths.every(path => /^\/u(\.[0-9a-f]+)?$/.test(path))).toBe(true)
    expect((await names('/')).length).toBe(25)
    const stored = await Promise.all(paths.map(path => load(path)))
    expect(stored).toEqual(paths.map((_, index) => String(index)))
  })

  it('lets one upload at a time write to a file', async () => {
    const first = await storage.write('/a', { kind: 'replace' })
    await first.write(Buffer.from('first'))
    for (const mode of [{ kind: 'replace' }, { kind: 'append' }, { kind: 'resume', offset: 0 }] as const) {
      await expectRefusal(write('/a', mode), 'busy')
    }
    await expectRefusal(storage.removeFile('/a'), 'busy')
    await store('/b', '')
    await expectRefusal(storage.rename('/b', '/a'), 'busy')
    await first.finish()
    expect(await load('/a')).toBe('first')
    await store('/a', 'second')
    expect(await load('/a')).toBe('second')
  })

  it('keeps what arrived of an upload that broke off, for resuming', async () => {
    const file = await storage.write('/a', { kind: 'replace' })
    await file.write(Buffer.from('half'))
    await file.abandon()
    await file.abandon()
    await expectRefusal(Promise.resolve(file.write(Buffer.from('more'))), 'failed')
    await store('/a', ' and half', { kind: 'resume', offset: 4 })
    expect(await load('/a')).toBe('half and half')
  })

  it('takes directories for no files and files for no directories', async () => {
    await storage.makeDirectory('/d')
    await store('/f', '')
    await expectRefusal(read('/d', 0), 'not-a-file')
    await expectRefusal(write('/d', { kind: 'replace' }), 'not-a-file')
    await expectRefusal(write('/d', { kind: 'append' }), 'not-a-file')
    await expectRefusal(storage.removeFile('/d'), 'not-a-file')
    await expectRefusal(storage.removeDirectory('/f'), 'not-a-directory')
    await expectRefusal(names('/f'), 'not-a-directory')
    await expectRefusal(storage.stat('/f/x'), 'not-a-directory')
    await expectRefusal(write('/f/x/y', { kind: 'replace' }), 'not-a-directory')
    await store('/d/f', '')
    await expectRefusal(storage.stat('/d/f/x/y'), 'not-a-directory')
    await expectRefusal(storage.stat('/d/x/y/z'), 'not-found')
  })

  it('says what is missing', async () => {
    for (const operation of [
      () => storage.stat('/x'),
      () => names('/x'),
      () => read('/x', 0),
      () => write('/x/y', { kind: 'replace' }),
      () => storage.rename('/x', '/y'),
      () => storage.removeFile('/x'),
      () => storage.removeDirectory('/x'),
      () => storage.makeDirectory('/x/y'),
      () => storage.setMode('/x', 0o600),
      () => storage.setModified('/x', 0),
    ]) {
      await expectRefusal(operation(), 'not-found')
    }
  })

  it('makes, lists and removes directories', async () => {
    await storage.makeDirectory('/d')
    await storage.makeDirectory('/d/e')
    await store('/d/f', 'x')
    expect(await names('/d')).toEqual(['e', 'f'])
    await expectRefusal(storage.makeDirectory('/d'), 'exists')
    await expectRefusal(storage.makeDirectory('/d/f'), 'exists')
    await expectRefusal(storage.removeDirectory('/d'), 'not-empty')
    await storage.removeDirectory('/d/e')
    await storage.removeFile('/d/f')
    await storage.removeDirectory('/d')
    expect(await names('/')).toEqual([])
  })

  it('removes directories with all that is in them', async () => {
    const progress = { bytes: 0 }
    const watch = { signal: new AbortController().signal, progress }
    await storage.makeDirectory('/d')
    await storage.makeDirectory('/d/e')
    for (const path of ['/f', '/d/f', '/d/e/f']) await store(path, 'text')
    await expectRefusal(storage.removeTree('/f', watch), 'not-a-directory')
    await expectRefusal(storage.removeTree('/missing', watch), 'not-found')
    await expectRefusal(storage.removeTree('/', watch), 'forbidden')
    await storage.removeTree('/d', watch)
    expect(await names('/')).toEqual(['f'])
    expect(progress.bytes).toBeGreaterThan(0)
  })

  it('tells of room where there is a directory', async () => {
    expect((await storage.room('/')).bytes).toBeGreaterThan(0)
    await expectRefusal(storage.room('/missing'), 'not-found')
  })

  it('gives what is made the permission bits that are asked for, whatever the process takes away', async () => {
    const file = await storage.write('/f', { kind: 'replace', permissions: 0o662 })
    await file.finish()
    await storage.makeDirectory('/d', 0o772)
    expect([(await storage.stat('/f')).mode, (await storage.stat('/d')).mode]).toEqual([0o662, 0o772])
    await (await storage.write('/f', { kind: 'append', permissions: 0o600 })).finish()
    expect((await storage.stat('/f')).mode).toBe(0o662)
  })

  it('renames files and directories, across directories', async () => {
    await storage.makeDirectory('/d')
    await store('/f', 'x')
    const { unique } = await storage.stat('/f')
    await storage.rename('/f', '/d/g')
    expect(await load('/d/g')).toBe('x')
    expect((await storage.stat('/d/g')).unique).toBe(unique)
    await storage.rename('/d', '/e')
    expect(await names('/')).toEqual(['e'])
    expect(await load('/e/g')).toBe('x')
  })

  it('replaces files by renaming unless that is refused, and directories never', async () => {
    await store('/a', 'a')
    await store('/b', 'b')
    await storage.makeDirectory('/d')
    await storage.makeDirectory('/e')
    await expectRefusal(storage.rename('/a', '/b', 'refused'), 'exists')
    expect(await load('/b')).toBe('b')
    await storage.rename('/a', '/b')
    expect(await load('/b')).toBe('a')
    await storage.rename('/b', '/c', 'refused')
    expect(await names('/')).toEqual(['c', 'd', 'e'])
    await expectRefusal(storage.rename('/c', '/d'), 'exists')
    await expectRefusal(storage.rename('/d', '/e'), 'exists')
    await expectRefusal(storage.rename('/d', '/c'), 'exists')
    await storage.rename('/c', '/c')
    expect(await load('/c')).toBe('a')
  })

  it('does not move a directory into itself', async () => {
    await storage.makeDirectory('/d')
    await expectRefusal(storage.rename('/d', '/d/e'), 'name-not-allowed')
  })

  it('leaves the root alone', async () => {
    await expectRefusal(storage.removeFile('/'), 'forbidden')
    await expectRefusal(storage.removeDirectory('/'), 'forbidden')
    await expectRefusal(storage.rename('/', '/x'), 'forbidden')
    await expectRefusal(storage.rename('/x', '/'), 'forbidden')
    await expectRefusal(storage.makeDirectory('/'), 'exists')
    await expectRefusal(write('/', { kind: 'replace' }), 'not-a-file')
    await expectRefusal(read('/', 0), 'not-a-file')
  })

  it('sets modes, without bits that change who runs a file', async () => {
    await store('/a', '')
    await storage.setMode('/a', 0o4640)
    expect((await storage.stat('/a')).mode).toBe(0o640)
    await storage.setMode('/a', 0)
    expect((await storage.stat('/a')).mode).toBe(0)
    await storage.setMode('/a', 0o600)
    expect((await storage.stat('/a')).mode).toBe(0o600)
  })

  it.each([
    -1_000_000_001_999, -1, 0, 1_000, 1_700_000_000_000, 1_700_000_000_123, 1_700_000_000_999, 1_709_164_800_001,
    4_102_444_800_000,
  ])('sets the time %i', async time => {
    await store('/a', '')
    expect(await storage.setModified('/a', time)).toBe(time)
    expect((await storage.stat('/a')).modified).toBe(time)
    await storage.makeDirectory('/d')
    expect(await storage.setModified('/d', time)).toBe(time)
  })

  it('keeps names byte for byte', async () => {
    const odd = ['Grüße 🎉', 'g\udcfcn', ' x ', '-a', '*', 'a\r\nb', '\\', '\u00e9', 'e\u0301', '...']
    for (const name of odd) await store(`/${name}`, name.slice(0, 1) === 'g' ? 'broken' : 'x')
    expect(await names('/')).toEqual(odd.toSorted())
    expect(await load('/g\udcfcn')).toBe('broken')
    await storage.makeDirectory('/d\udcff')
    await storage.rename('/g\udcfcn', '/d\udcff/\udc80')
    expect(await names('/d\udcff')).toEqual(['\udc80'])
    await storage.removeFile('/d\udcff/\udc80')
    await storage.removeDirectory('/d\udcff')
  })

  it('lists directories of several batches, once each', async () => {
    const all = Array.from({ length: 1100 }, (_, index) => `n${String(index).padStart(5, '0')}`)
    await storage.makeDirectory('/d')
    for (const name of all) await store(`/d/${name}`, '')
    expect(await names('/d')).toEqual(all)
  })

  it('stops listing when nobody wants more', async () => {
    for (const name of ['a', 'b', 'c']) await store(`/${name}`, '')
    for await (const batch of storage.list('/')) {
      expect(batch.length).toBeGreaterThan(0)
      break
    }
    expect(await names('/')).toEqual(['a', 'b', 'c'])
  })

  it('reads files deep down', async () => {
    let path = ''
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      path += `/${name}`
      await storage.makeDirectory(path)
    }
    await store(`${path}/f`, 'deep')
    expect(await load(`${path}/f`)).toBe('deep')
    expect(await names(path)).toEqual(['f'])
  })
})
