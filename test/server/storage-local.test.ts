/** Confinement of local storage: nothing leads outside, however links and directories change; and nothing leaks. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LocalStorageOptions, openLocalStorage } from '../../server/storage/local/home.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { Volumes } from '../../server/storage/local/volumes/volume.ts'
import { resolvePath } from '../../server/storage/path.ts'
import {
  type Storage,
  StorageError,
  type StorageErrorKind,
  type WritableFile,
  type WriteMode,
} from '../../server/storage/storage.ts'

/** A file system in memory, where there is one. */
const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

// What can be opened at once goes another way than the rest, and what is in memory one more.
describe.each([
  { way: 'through the thread pool', directory: tmpdir(), volumes: undefined },
  { way: 'at once where the system can', directory: tmpdir(), volumes: new Volumes() },
  { way: 'at once in memory', directory: inMemory, volumes: new Volumes() },
  { way: 'for atomic uploads', directory: tmpdir(), volumes: undefined, uploads: 'atomic' as const },
  { way: 'for atomic uploads in memory', directory: inMemory, volumes: new Volumes(), uploads: 'atomic' as const },
])('Local storage, opened $way,', ({ directory, volumes, uploads }) => {
  const uploading = { mode: uploads ?? 'direct', durability: 'none', user: 'alice' } as const
  const openOne = async (options: LocalStorageOptions): Promise<Storage> =>
    await openLocalStorage({ ...options, volumes, uploading })

  let base: string
  let home: string
  let outside: string
  let storage: Storage

  beforeEach(async () => {
    base = await mkdtemp(join(directory, 'local-'))
    home = join(base, 'root', 'alice')
    outside = join(base, 'outside')
    mkdirSync(join(base, 'root'))
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret'), 'secret')
    mkdirSync(join(base, 'root', 'bob'))
    storage = await openOne({ root: join(base, 'root'), home: '/alice', uploads: new RunningUploads() })
  })
  afterEach(async () => {
    await storage.close()
    await rm(base, { recursive: true })
  })

  async function expectRefusal(operation: Promise<unknown>, ...kinds: StorageErrorKind[]): Promise<void> {
    const error = await operation.then(
      () => 'it succeeded',
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(StorageError)
    expect(kinds).toContain(error instanceof StorageError ? error.kind : undefined)
  }

  async function store(path: string, text: string, mode: WriteMode = { kind: 'replace' }): Promise<void> {
    const file = await storage.write(path, mode)
    try {
      await file.write(Buffer.from(text))
    } finally {
      await file.finish()
    }
  }

  async function load(path: string): Promise<string> {
    const file = await storage.read(path, 0)
    try {
      const buffer = Buffer.alloc(100)
      return buffer.toString('latin1', 0, await file.read(buffer))
    } finally {
      await file.close()
    }
  }

  async function names(path: string): Promise<string[]> {
    const found: string[] = []
    for await (const batch of storage.list(path)) found.push(...batch.map(({ name }) => name))
    return found.toSorted()
  }

  const writeModes: readonly WriteMode[] = [
    { kind: 'replace' },
    { kind: 'create' },
    { kind: 'append' },
    { kind: 'resume', offset: 0 },
    { kind: 'unique' },
  ]

  /** What is about that which a link leads to. */
  const followed: readonly ((path: string) => Promise<unknown>)[] = [
    path => storage.stat(path),
    path => storage.statForResume(path),
    names,
    load,
    path => storage.setMode(path, 0o777),
    path => storage.setModified(path, 0),
  ]

  /** All that can be done to a path. */
  const operations: readonly ((path: string) => Promise<unknown>)[] = [
    path => storage.stat(path),
    path => storage.statForResume(path),
    names,
    load,
    ...writeModes.map(mode => (path: string) => store(path, 'intruder', mode)),
    path => storage.rename(path, '/moved'),
    path => storage.rename('/mine', path),
    path => storage.removeFile(path),
    path => storage.removeDirectory(path),
    path => storage.makeDirectory(path),
    path => storage.setMode(path, 0o777),
    path => storage.setModified(path, 0),
  ]

  describe('the home directory', () => {
    it('is made, with all above it, when it is missing', async () => {
      const made = await openOne({
        root: join(base, 'root'),
        home: '/teams/a/carol',
        uploads: new RunningUploads(),
      })
      await made.close()
      expect(statSync(join(base, 'root/teams/a/carol')).mode & 0o777).toBe(0o750)
    })

    it('may be reached through a link inside the root, and not through one that leads outside', async () => {
      symlinkSync('alice', join(base, 'root', 'link'))
      symlinkSync('../outside', join(base, 'root', 'evil'))
      const open = (path: string) => openOne({ root: join(base, 'root'), home: path, uploads: new RunningUploads() })
      const linked = await open('/link')
      await linked.makeDirectory('/made')
      await linked.close()
      expect(existsSync(join(home, 'made'))).toBe(true)
      await expectRefusal(open('/evil'), 'not-found')
      await expectRefusal(open('/evil/new'), 'not-found')
      expect(readdirSync(outside)).toEqual(['secret'])
    })

    it('is refused when it is a file or the root is missing', async () => {
      writeFileSync(join(base, 'root', 'file'), '')
      await expectRefusal(
        openOne({ root: join(base, 'root'), home: '/file', uploads: new RunningUploads() }),
        'not-a-directory',
      )
      await expectRefusal(openOne({ root: join(base, 'none'), home: '/', uploads: new RunningUploads() }), 'not-found')
    })
  })

  describe('links', () => {
    beforeEach(() => {
      mkdirSync(join(home, 'd/e'), { recursive: true })
      writeFileSync(join(home, 'd/e/f'), 'inside')
    })

    it.each([
      ['a file beside it', 'd/e/f', '/link', 'd/e/f'],
      ['a path with dots', './d/../d//e/./f', '/link', './d/../d//e/./f'],
      ['an absolute path inside', '{home}/d/e/f', '/link', '/d/e/f'],
    ])('inside are followed: %s', async (_what, target, path, shown) => {
      symlinkSync(target.replace('{home}', home), join(home, path))
      expect(await load(path)).toBe('inside')
      expect(await storage.stat(path)).toMatchObject({ name: 'link', type: 'file', size: 6, linkTarget: shown })
      await store(path, ' and more', { kind: 'append' })
      expect(readFileSync(join(home, 'd/e/f'), 'latin1')).toBe('inside and more')
    })

    it('in the middle of a path are followed, also several and upwards', async () => {
      symlinkSync('d/e', join(home, 'l1'))
      symlinkSync('../../l1', join(home, 'd/e/l2'))
      symlinkSync(home, join(home, 'self'))
      expect(await load('/l1/f')).toBe('inside')
      expect(await load('/self/l1/l2/l2/f')).toBe('inside')
      await storage.makeDirectory('/l1/l2/made')
      expect(await names('/d/e')).toEqual(['f', 'l2', 'made'])
      expect((await storage.stat('/l1/f')).linkTarget).toBeUndefined()
    })

    it('are shown as what they lead to, and left out where they lead nowhere or outside', async () => {
      symlinkSync('d', join(home, 'directory'))
      symlinkSync('d/e/f', join(home, 'file'))
      symlinkSync('nowhere', join(home, 'dangling'))
      symlinkSync('loop', join(home, 'loop'))
      symlinkSync('../../outside', join(home, 'up'))
      symlinkSync(outside, join(home, 'absolute'))
      symlinkSync('/etc/passwd', join(home, 'passwd'))
      symlinkSync(`${home}/../bob`, join(home, 'neighbour'))
      symlinkSync(`${home}2`, join(home, 'prefix'))
      expect(await names('/')).toEqual(['d', 'directory', 'file'])
      const shown = []
      for await (const batch of storage.list('/')) shown.push(...batch)
      expect(shown.find(({ name }) => name === 'directory')).toMatchObject({ type: 'directory', linkTarget: 'd' })
    })

    it('that lead outside serve no operation, at the end of a path or within it', async () => {
      mkdirSync(join(outside, 'sub'))
      symlinkSync('../../outside', join(home, 'up'))
      symlinkSync(outside, join(home, 'absolute'))
      symlinkSync('/proc/self/root', join(home, 'magic'))
      symlinkSync(join(outside, 'new'), join(home, 'dangling'))
      symlinkSync('../bob/new', join(home, 'neighbour'))
      writeFileSync(join(home, 'mine'), 'mine')
      const before = execFileSync('find', [outside, join(base, 'root/bob'), '-printf', '%p %m %s %T@\n']).toString()
      for (const path of [
        '/up/secret',
        '/up/new',
        '/up/sub',
        '/absolute/secret',
        '/absolute/sub/x',
        '/magic/etc',
        '/magic/tmp/x',
      ]) {
        for (const operation of operations) await expectRefusal(operation(path), 'not-found')
      }
      for (const path of ['/up', '/absolute', '/magic', '/dangling', '/neighbour']) {
        // Removing and renaming are about the link itself, STOU makes a new name, and the others must fail.
        for (const operation of followed) {
          await expectRefusal(operation(path), 'not-found')
        }
        for (const mode of writeModes.slice(0, 4))
          await expectRefusal(store(path, 'intruder', mode), 'not-found', 'exists')
        await expectRefusal(storage.makeDirectory(path), 'exists')
        await expectRefusal(storage.removeDirectory(path), 'not-a-directory')
        await storage.removeFile(path)
      }
      const after = execFileSync('find', [outside, join(base, 'root/bob'), '-printf', '%p %m %s %T@\n']).toString()
      expect(after).toBe(before)
    })

    it('may only be used where the caller lets them lead', async () => {
      symlinkSync('d', join(home, 'link'))
      const asked: [string, string][] = []
      const careful = await openOne({
        root: join(base, 'root'),
        home: '/alice',
        uploads: new RunningUploads(),
        mayLead(path, target) {
          asked.push([path, target])
          return target !== '/d/e/f'
        },
      })
      await expectRefusal((async () => await careful.read('/link/e/f', 0))(), 'not-found')
      expect(await careful.stat('/link/e')).toMatchObject({ type: 'directory' })
      expect(asked).toEqual([
        ['/link/e/f', '/d/e/f'],
        ['/link/e', '/d/e'],
      ])
      await (await careful.read('/d/e/f', 0)).close()
      await careful.close()
    })

    it('are followed forty times and no more', async () => {
      symlinkSync('d/e/f', join(home, 'l1'))
      for (let number = 2; number <= 41; number++) symlinkSync(`l${number - 1}`, join(home, `l${number}`))
      expect(await load('/l40')).toBe('inside')
      await expectRefusal(load('/l41'), 'not-found')
    })
  })

  describe('evil paths', () => {
    it.each([
      '../outside/secret',
      '../../outside/secret',
      '/../outside/secret',
      '/..//../outside/secret',
      './../../outside/secret',
      'd/../../../outside/secret',
      '..;/outside/secret',
      '%2e%2e/%2e%2e/outside/secret',
      '..%2f..%2foutside/secret',
      '..\\..\\outside\\secret',
      '\udcc0\udcae\udcc0\udcae/outside/secret',
      '\udcc0\udcaf../outside/secret',
      '/etc/passwd',
      '//etc/passwd',
      '/proc/self/root/etc/passwd',
      '/dev/null',
      '.../outside/secret',
      '．．/outside/secret',
      '/./../.../outside',
      '~/outside/secret',
      'file:///etc/passwd',
      'a\r\n../../outside/secret',
    ])('%j leads to nothing outside', async argument => {
      const path = resolvePath('/', argument)
      await expectRefusal(load(path), 'not-found')
      await expectRefusal(storage.stat(path), 'not-found')
    })

    it('a name that is too long for the system is refused as such', async () => {
      await expectRefusal(storage.stat(`/${'x'.repeat(300)}`), 'name-not-allowed')
    })
  })

  describe('what is no regular file', () => {
    it('is neither read nor written, and never waited for', async () => {
      execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(home, 'fifo')])
      expect((await storage.stat('/fifo')).type).toBe('other')
      await expectRefusal(load('/fifo'), 'not-a-file')
      await expectRefusal(store('/fifo', 'x'), 'not-a-file')
      await expectRefusal(store('/fifo', 'x', { kind: 'append' }), 'not-a-file')
      await expectRefusal(storage.setMode('/fifo', 0o777), 'not-a-file')
      const reader = openSync(join(home, 'fifo'), constants.O_RDONLY | constants.O_NONBLOCK)
      for (const mode of writeModes.filter(({ kind }) => kind !== 'unique'))
        await expectRefusal(store('/fifo', 'x', mode), 'not-a-file', 'exists')
      expect(readSync(reader, Buffer.alloc(1))).toBe(0)
      closeSync(reader)
      await storage.removeFile('/fifo')
      expect(await names('/')).toEqual([])
    })
  })

  describe('uploads that are refused', () => {
    it('make no file', async () => {
      symlinkSync('missing', join(home, 'dangling'))
      symlinkSync('../../outside/new', join(home, 'evil'))
      mkdirSync(join(home, 'd'))
      writeFileSync(join(home, 'f'), 'mine')
      const partial = `/.ftp-upload-${'0'.repeat(32)}-${'0'.repeat(16)}`
      for (const path of ['/evil', '/d', '/d/missing/x', '/f/x', '/', partial, `${partial}/x`, `/${'x'.repeat(300)}`])
        for (const mode of writeModes.filter(({ kind }) => kind !== 'unique'))
          await expect(store(path, 'intruder', mode)).rejects.toBeInstanceOf(StorageError)
      await expectRefusal(store('/new', 'x', { kind: 'append', creating: 'refused' }), 'not-found')
      await expectRefusal(store('/new', 'x', { kind: 'resume', offset: 0, creating: 'refused' }), 'not-found')
      await expectRefusal(store('/new', 'x', { kind: 'resume', offset: 1 }), 'bad-offset')
      await expectRefusal(store('/f', 'x', { kind: 'resume', offset: 5 }), 'bad-offset')
      await expectRefusal(store('/f', 'x', { kind: 'resume', offset: 0, overwriting: 'refused' }), 'forbidden')
      expect(readdirSync(home).toSorted()).toEqual(['d', 'dangling', 'evil', 'f'])
      expect(readFileSync(join(home, 'f'), 'latin1')).toBe('mine')
      expect(readdirSync(outside)).toEqual(['secret'])
      await store('/f', 'others', { kind: 'append' })
    })

    it('close what they had opened', { skip: !existsSync('/proc/self/fd') }, async () => {
      writeFileSync(join(home, 'f'), 'mine')
      let answer: () => boolean | Promise<boolean> = () => false
      const claims = { claim: () => answer(), has: () => false, release: () => undefined }
      const other = await openOne({ root: join(base, 'root'), home: '/alice', uploads: new RunningUploads(claims) })
      const before = readdirSync('/proc/self/fd').length
      const upload = async () => await other.write('/f', { kind: 'replace' })
      await expectRefusal(upload(), 'busy')
      answer = () => Promise.resolve(false)
      await expectRefusal(upload(), 'busy')
      answer = () => Promise.reject(new Error('nobody answers'))
      await expectRefusal(upload(), 'failed')
      expect(readdirSync('/proc/self/fd').length).toBe(before)
      expect(readFileSync(join(home, 'f'), 'latin1')).toBe('mine')
      await other.close()
    })
  })

  describe('uploads in place of a file', () => {
    it.each([0, 1, 10_000, 3_000_000])('of %d bytes leave nothing of it', async size => {
      writeFileSync(join(home, 'f'), 'x'.repeat(size))
      await store('/f', 'short')
      expect(readFileSync(join(home, 'f'), 'latin1')).toBe('short')
    })
  })

  it('opens at once what is in memory', { skip: directory !== '/dev/shm' || uploads === 'atomic' }, async () => {
    const isAtOnce = async (opening: WritableFile | Promise<WritableFile>) => {
      await (await opening).finish()
      return !(opening instanceof Promise)
    }
    mkdirSync(join(home, 'd'))
    symlinkSync('d', join(home, 'link'))
    expect(await isAtOnce(storage.write('/d/f', { kind: 'replace' }))).toBe(true)
    for (const mode of writeModes.filter(({ kind }) => kind === 'append' || kind === 'resume' || kind === 'replace'))
      expect(await isAtOnce(storage.write('/d/f', mode))).toBe(true)
    expect(await isAtOnce(storage.write('/d/new', { kind: 'create' }))).toBe(true)
    expect(await isAtOnce(storage.write('/link/f', { kind: 'replace' }))).toBe(false)
    expect(await isAtOnce(storage.write('/private', { kind: 'replace', permissions: 0o600 }))).toBe(false)
    const file = storage.read('/d/f', 0)
    expect(file).not.toBeInstanceOf(Promise)
    expect((await file).close()).toBe(undefined)
    const linked = storage.read('/link/f', 0)
    expect(linked).toBeInstanceOf(Promise)
    await (await linked).close()
  })

  describe('modes', () => {
    it('are set on files that can’t be read, and leave the setgid bit of directories', async () => {
      await store('/f', '')
      chmodSync(join(home, 'f'), 0)
      await storage.setMode('/f', 0o600)
      await storage.makeDirectory('/d')
      chmodSync(join(home, 'd'), 0o2755)
      await storage.setMode('/d', 0o700)
      expect((await storage.stat('/d')).mode).toBe(0o2700)
    })
  })

  /** Where there is no such directory, confinement is by path, and nothing counts descriptors. */
  const skip = !existsSync('/proc/self/fd')

  describe('descriptors', () => {
    it('are all closed after 10,000 operations, good and bad', { skip, timeout: 60_000 }, async () => {
      const prepare = () => {
        for (const name of readdirSync(home)) rmSync(join(home, name), { recursive: true })
        mkdirSync(join(home, 'd/e'), { recursive: true })
        symlinkSync('d/e', join(home, 'link'))
        symlinkSync('../../outside', join(home, 'evil'))
        writeFileSync(join(home, 'mine'), 'mine')
        writeFileSync(join(home, 'd/file'), '')
      }
      const paths = [
        '/f',
        '/d',
        '/d/e/f',
        '/link',
        '/link/f',
        '/evil',
        '/evil/secret',
        '/missing/x',
        '/mine/x',
        '/d/file/x/y',
        '/',
        `/${'x'.repeat(300)}`,
      ]
      const open = () => readdirSync('/proc/self/fd').length
      prepare()
      const before = open()
      let done = 0
      while (done < 10_000) {
        prepare()
        const round = paths.flatMap(path => operations.map(operation => operation(path)))
        const results = await Promise.allSettled(round)
        const failures = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
        expect(failures.filter(reason => !(reason instanceof StorageError))).toEqual([])
        done += round.length
      }
      expect(open()).toBe(before)
    })

    it('are closed with the storage, once running operations have ended', { skip }, async () => {
      const before = readdirSync('/proc/self/fd').length
      const other = await openOne({ root: join(base, 'root'), home: '/bob', uploads: new RunningUploads() })
      const running = other.stat('/')
      const closing = other.close()
      expect(await running).toMatchObject({ type: 'directory' })
      await closing
      await other.close()
      await expectRefusal(other.stat('/'), 'failed')
      expect(readdirSync('/proc/self/fd').length).toBe(before)
    })

    it('of a listing stay with it when the storage is closed meanwhile', async () => {
      for (let number = 0; number < 1500; number++) writeFileSync(join(home, `f${number}`), '')
      const other = await openOne({ root: join(base, 'root'), home: '/alice', uploads: new RunningUploads() })
      let entries = 0
      for await (const batch of other.list('/')) {
        entries += batch.length
        await other.close()
      }
      expect(entries).toBe(1500)
    })
  })

  describe('a directory that turns into a link and back', () => {
    it('never lets an operation outside', { skip, timeout: 60_000 }, async () => {
      mkdirSync(join(home, 'd/sub'), { recursive: true })
      mkdirSync(join(outside, 'sub'))
      writeFileSync(join(outside, 'sub/secret'), 'secret')
      writeFileSync(join(home, 'd/secret'), 'public')
      writeFileSync(join(home, 'd/sub/secret'), 'public')
      writeFileSync(join(home, 'mine'), 'public')
      writeFileSync(join(home, 'plain'), 'public')
      writeFileSync(join(outside, 'canary'), 'canary')
      const before = execFileSync('find', [outside, '-printf', '%p %m %s %T@ %n\n']).toString()
      const flips = new Int32Array(new SharedArrayBuffer(8))
      const worker = new Worker(flipper, { eval: true, workerData: { home, outside, flips } })
      const ended = new Promise<void>((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject))
      const seen = new Set<string>()
      try {
        while (Atomics.load(flips, 0) < 20_000) {
          await Promise.allSettled([
            load('/d/secret').then(text => seen.add(text)),
            load('/plain').then(text => seen.add(text)),
            load('/d/sub/secret').then(text => seen.add(text)),
            store('/d/secret', 'public'),
            store('/d/sub/secret', 'public'),
            store('/d/sub/new', 'public', { kind: 'create' }).then(() => storage.removeFile('/d/sub/new')),
            store('/plain', 'public'),
            store('/d/new', 'public', { kind: 'create' }).then(() => storage.removeFile('/d/new')),
            storage.makeDirectory('/d/made').then(() => storage.removeDirectory('/d/made')),
            storage.setMode('/d/secret', 0o600),
            storage.setModified('/d/secret', 1_000_000_000_000),
            storage.rename('/mine', '/d/mine').then(() => storage.rename('/d/mine', '/mine')),
            names('/d').then(found => found.forEach(name => seen.add(name === 'canary' ? 'canary' : 'public'))),
            storage.stat('/d/canary').then(() => seen.add('canary')),
          ])
        }
      } finally {
        Atomics.store(flips, 1, 1)
        await ended
      }
      seen.delete('')
      expect([...seen]).toEqual(['public'])
      expect(execFileSync('find', [outside, '-printf', '%p %m %s %T@ %n\n']).toString()).toBe(before)
    })
  })

  /** Swaps `d` and `plain` for links that lead outside, as fast as it can, until it is told to end. */
})

const flipper = `
const { renameSync, symlinkSync, unlinkSync } = require('node:fs')
const { workerData: { home, outside, flips } } = require('node:worker_threads')
const tried = step => { try { step() } catch {} }
while (Atomics.load(flips, 1) === 0) {
  tried(() => renameSync(home + '/d', home + '/kept'))
  tried(() => symlinkSync(outside, home + '/d'))
  tried(() => symlinkSync(outside + '/secret', home + '/link'))
  tried(() => renameSync(home + '/plain', home + '/kept-plain'))
  tried(() => renameSync(home + '/link', home + '/plain'))
  tried(() => unlinkSync(home + '/d'))
  tried(() => renameSync(home + '/kept', home + '/d'))
  tried(() => unlinkSync(home + '/plain'))
  tried(() => renameSync(home + '/kept-plain', home + '/plain'))
  Atomics.add(flips, 0, 1)
}
`
