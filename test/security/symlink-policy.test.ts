/** `storage.symlinks`: where links may lead, and that nothing but that changes. */
import { lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import type { SymlinkPolicy } from '../../server/storage/local/tree/symlinks.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { isStorageError, type Storage } from '../../server/storage/storage.ts'
import { simpleUser } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

let base: string
let storage: Storage | undefined

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'symlinks-'))
  for (const directory of ['root/alice/own', 'root/bob', 'shared/media/deep', 'outside', 'other']) {
    mkdirSync(join(base, directory), { recursive: true })
  }
  for (const [file, text] of Object.entries({
    'root/alice/own/file': 'own',
    'root/bob/file': 'bob',
    'shared/media/file': 'shared',
    'shared/media/deep/file': 'deep',
    'shared/top': 'top',
    'outside/file': 'outside',
    'other/file': 'other',
  })) {
    writeFileSync(join(base, file), text)
  }
  symlinkSync('shared', join(base, 'alias'))
})
afterEach(async () => {
  await storage?.close()
  storage = undefined
  await rm(base, { recursive: true })
})

function link(target: string, name: string): void {
  symlinkSync(target, join(base, name))
}

async function open(symlinks?: SymlinkPolicy): Promise<Storage> {
  storage = await openLocalStorage({
    root: join(base, 'root'),
    home: '/alice',
    uploads: new RunningUploads(),
    ...(symlinks !== undefined && { symlinks }),
  })
  return storage
}

/** The contents of a file, or the word `hidden` where it is as if it were not there. */
async function look(path: string): Promise<string> {
  try {
    const file = await (storage as Storage).read(path, 0)
    const buffer = Buffer.alloc(100)
    const length = await file.read(buffer)
    await file.close()
    return buffer.toString('latin1', 0, length)
  } catch (error) {
    if (isStorageError(error, 'not-found')) return 'hidden'
    throw error
  }
}

async function names(path: string): Promise<string[]> {
  const found: string[] = []
  for await (const batch of (storage as Storage).list(path)) found.push(...batch.map(({ name }) => name))
  return found.toSorted()
}

const extra = (...roots: readonly string[]): SymlinkPolicy => ({
  policy: 'inside',
  extraRoots: roots.map(root => join(base, root)),
})

describe('Symbolic links', () => {
  it('by default lead to what is inside of the home, and nowhere else', async () => {
    link('own/file', 'root/alice/inside')
    link(join(base, 'root/alice/own'), 'root/alice/absolute')
    link('../../shared/media', 'root/alice/shared')
    link('../bob', 'root/alice/bob')
    await open()
    expect([await look('/inside'), await look('/absolute/file')]).toEqual(['own', 'own'])
    expect([await look('/shared/file'), await look('/bob/file')]).toEqual(['hidden', 'hidden'])
    expect(await names('/')).toEqual(['absolute', 'inside', 'own'])
  })

  it('lead nowhere where they are denied, not even inside, and can still be removed', async () => {
    link('own/file', 'root/alice/file-link')
    link('own', 'root/alice/directory-link')
    const { removeFile } = await open({ policy: 'deny', extraRoots: [join(base, 'shared')] }).then(opened => ({
      removeFile: (path: string) => opened.removeFile(path),
    }))
    expect([await look('/file-link'), await look('/directory-link/file')]).toEqual(['hidden', 'hidden'])
    expect([await look('/own/file'), await names('/')]).toEqual(['own', ['own']])
    const write = (storage as Storage).write('/file-link', { kind: 'replace' })
    await expect(write).rejects.toMatchObject({ kind: 'not-found' })
    await removeFile('/file-link')
    expect(readFileSync(join(base, 'root/alice/own/file'), 'utf8')).toBe('own')
  })

  it('where they are denied do not lead to a home either', async () => {
    link('alice', 'root/linked')
    const options = { root: join(base, 'root'), home: '/linked', uploads: new RunningUploads() }
    const symlinks = { policy: 'deny', extraRoots: [] } as const
    await expect(openLocalStorage({ ...options, symlinks })).rejects.toMatchObject({ kind: 'not-found' })
    storage = await openLocalStorage(options)
    expect(await look('/own/file')).toBe('own')
  })

  it('lead into extra roots however they are written, and on from there only to what is allowed', async () => {
    link(join(base, 'shared/media'), 'root/alice/absolute')
    link('../../shared/media', 'root/alice/relative')
    link(join(base, 'alias/media'), 'root/alice/aliased')
    link('../../shared/top', 'root/alice/top')
    link('../../../shared/media/deep', 'root/alice/own/below')
    link('../../outside', 'root/alice/outside')
    link('../../shared-not', 'root/alice/prefix')
    link('../top', 'shared/media/up')
    link('../../outside/file', 'shared/media/escape')
    link(join(base, 'root/alice/own/file'), 'shared/media/back')
    link('../../root/bob/file', 'shared/media/neighbour')
    link('../../other/file', 'shared/media/other')
    mkdirSync(join(base, 'shared-not'))
    writeFileSync(join(base, 'shared-not/file'), 'prefix')
    await open(extra('alias', 'other'))
    for (const name of ['absolute', 'relative', 'aliased']) {
      expect([await look(`/${name}/file`), await look(`/${name}/deep/file`)], name).toEqual(['shared', 'deep'])
      expect(await names(`/${name}`)).toEqual(['back', 'deep', 'file', 'other', 'up'])
    }
    expect([await look('/top'), await look('/own/below/file')]).toEqual(['top', 'deep'])
    expect([await look('/relative/up'), await look('/relative/back'), await look('/relative/other')]).toEqual([
      'top',
      'own',
      'other',
    ])
    for (const path of ['/outside/file', '/prefix/file', '/relative/escape', '/relative/neighbour']) {
      expect(await look(path), path).toBe('hidden')
    }
    expect(await names('/')).toEqual(['absolute', 'aliased', 'own', 'relative', 'top'])
  })

  it('into extra roots serve every operation, and show no path of the system', async () => {
    link(join(base, 'shared'), 'root/alice/shared')
    const opened = await open(extra('shared'))
    const file = await opened.write('/shared/new', { kind: 'create' })
    expect(file.path).toBe('/shared/new')
    await file.write(Buffer.from('new'))
    await file.finish()
    await opened.rename('/shared/new', '/own/moved')
    await opened.rename('/own/moved', '/shared/back')
    await opened.makeDirectory('/shared/made')
    await opened.removeDirectory('/shared/made')
    await opened.setMode('/shared/back', 0o600)
    await opened.setModified('/shared/back', 1_000_000_000_000)
    expect(lstatSync(join(base, 'shared/back'))).toMatchObject({ size: 3, mtimeMs: 1_000_000_000_000 })
    await opened.removeFile('/shared/back')
    const entry = await opened.stat('/shared')
    expect(entry).toMatchObject({ type: 'directory', linkTarget: undefined })
    expect(await readdir(join(base, 'shared'))).toEqual(['media', 'top'])
  })

  it('into an extra root that is missing are hidden, those into others are not', async () => {
    link(join(base, 'shared'), 'root/alice/shared')
    link(join(base, 'other'), 'root/alice/other')
    renameSync(join(base, 'shared'), join(base, 'gone'))
    await open(extra('shared', 'other'))
    expect([await look('/shared/top'), await look('/other/file')]).toEqual(['hidden', 'other'])
  })

  it('hold no descriptor after use', async () => {
    link(join(base, 'shared/media'), 'root/alice/absolute')
    link('../../outside', 'root/alice/outside')
    await open(extra('other', 'shared'))
    await look('/absolute/file')
    const before = (await readdir('/proc/self/fd')).length
    for (let turn = 0; turn < 200; turn += 1) {
      await look('/absolute/file')
      await look('/outside/file')
    }
    expect((await readdir('/proc/self/fd')).length).toBeLessThanOrEqual(before + 1)
  })
})

describe('storage.symlinks', () => {
  it('holds for the next command of a session when it changes', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice', { home: '/alice' })] })
    mkdirSync(join(server.root, 'alice'))
    writeFileSync(join(server.root, 'alice/file'), '12345')
    symlinkSync('file', join(server.root, 'alice/inside'))
    symlinkSync(join(base, 'shared/top'), join(server.root, 'alice/extra'))
    const client = await loggedIn(server)
    await client.send('TYPE I')
    const codes = async () => [(await client.send('SIZE inside')).code, (await client.send('SIZE extra')).code]
    const settings = server.application.server.configuration.server
    const configure = (symlinks: object) => server.reconfigure('server.yaml', { ...settings, storage: { symlinks } })
    expect(await codes()).toEqual([213, 550])
    await configure({ policy: 'deny' })
    expect(await codes()).toEqual([550, 550])
    await configure({ extraRoots: [join(base, 'shared')] })
    expect(await codes()).toEqual([213, 213])
  })

  it('leaves permissions to the path of the link', async () => {
    const server = await temporaryServer({
      users: [simpleUser('alice', { home: '/alice', paths: [{ path: '/readable', role: 'read-only' }] })],
      server: { storage: { symlinks: { extraRoots: [join(base, 'shared')] } } },
    })
    mkdirSync(join(server.root, 'alice'))
    for (const name of ['readable', 'writable']) symlinkSync(join(base, 'shared'), join(server.root, 'alice', name))
    const client = await loggedIn(server)
    expect((await client.send('DELE readable/top')).code).toBe(550)
    expect((await client.download('RETR readable/top')).bytes.toString()).toBe('top')
    expect((await client.send('DELE writable/top')).code).toBe(250)
  })
})
