/** Copies within a volume, which the kernel makes by itself where it can. */
import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyFile } from '../../server/storage/copy-file.ts'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import { type CopyRange, loadCopyRange } from '../../server/storage/local/kernel/copy-range.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { createUploadClaims } from '../../server/storage/local/uploads/upload-claims.ts'
import { StorageError } from '../../server/storage/storage.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const pieceBytes = 4_194_304
const content = randomBytes(2 * pieceBytes + 1_000_003)
const loaded = loadCopyRange()

describe.each([
  { where: 'on the disk', directory: tmpdir(), mode: 'direct' },
  { where: 'in memory', directory: inMemory, mode: 'direct' },
  { where: 'beside its name', directory: tmpdir(), mode: 'atomic' },
] as const)('A copy, made $where,', ({ directory, mode }) => {
  let base: string
  const calls: number[] = []
  const uploading = { mode, durability: 'none', user: 'alice' } as const

  beforeEach(async () => {
    base = await mkdtemp(join(directory, 'copy-'))
    writeFileSync(join(base, 'file'), content)
    calls.length = 0
  })
  afterEach(() => rm(base, { recursive: true }))

  async function copyBy(copyRange: CopyRange | undefined, signal = new AbortController().signal): Promise<number> {
    const uploads = new RunningUploads(createUploadClaims(), copyRange)
    const storage = await openLocalStorage({ root: base, home: '/', uploads, uploading })
    const progress = { bytes: 0 }
    try {
      await copyFile(storage, '/file', '/copy', { signal, progress, permissions: undefined })
    } finally {
      await storage.close()
    }
    return progress.bytes
  }

  /** What the kernel really does, counted. */
  const counted: CopyRange = async (from, to, bytes) => {
    const copied = (await loaded?.(from, to, bytes)) ?? 0
    calls.push(copied)
    return copied
  }

  it.runIf(platform() === 'linux')('is made by the kernel, in pieces', async () => {
    expect(await copyBy(counted)).toBe(content.length)
    expect((await readFile(join(base, 'copy'))).equals(content)).toBe(true)
    expect(calls).toEqual([pieceBytes, pieceBytes, 1_000_003])
  })

  it.each([0, 1])('is read and written where the kernel can’t after %i pieces', async pieces => {
    const failing: CopyRange = async (from, to, bytes) => (calls.length < pieces ? await counted(from, to, bytes) : 0)
    expect(await copyBy(failing)).toBe(content.length)
    expect((await readFile(join(base, 'copy'))).equals(content)).toBe(true)
  })

  it('ends in the middle when it is called off', async () => {
    const abort = new AbortController()
    const stopping: CopyRange = async (from, to, bytes) => {
      abort.abort()
      return await counted(from, to, bytes)
    }
    await expect(copyBy(stopping, abort.signal)).rejects.toThrow(new StorageError('failed'))
    expect(calls.length).toBe(1)
    expect(existsSync(join(base, 'copy'))).toBe(mode === 'direct')
  })
})

describe.each([1, 2])('A copy, with %i processes,', workers => {
  it('takes no more than quotas leave, and gives back what it took when it fails', async () => {
    const limits = { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 }
    const quotas = [{ path: '/', maxBytes: 2 * content.length + 1000 }]
    const server = await temporaryServer({ server: { workers, limits, quotas, uploads: { mode: 'atomic' } } })
    writeFileSync(join(server.root, 'file'), content)
    const client = await loggedIn(server)
    const room = async () => Number((await client.send('AVBL')).text)
    expect(await room()).toBe(content.length + 1000)
    expect((await client.send('SITE COPY file copy')).code).toBe(250)
    expect(await room()).toBe(1000)
    expect((await client.send('SITE COPY file another')).code).toBe(552)
    expect(existsSync(join(server.root, 'another'))).toBe(false)
    expect((await client.send('DELE copy')).code).toBe(250)
    expect((await client.send('SITE CPFR file')).code).toBe(350)
    expect((await client.send('SITE CPTO another')).code).toBe(250)
    expect((await readFile(join(server.root, 'another'))).equals(content)).toBe(true)
  })
})

it('COMB does not append a file to itself, whatever it is called', async () => {
  const server = await temporaryServer()
  writeFileSync(join(server.root, 'file'), 'content')
  linkSync(join(server.root, 'file'), join(server.root, 'other'))
  const client = await loggedIn(server)
  expect((await client.send('COMB file other')).code).toBe(550)
  expect(await readFile(join(server.root, 'other'), 'utf8')).toBe('content')
})

describe('A copy of a directory', () => {
  it('has all that is in it, what links to files lead to, and ends where links make a circle', async () => {
    const server = await temporaryServer()
    const at = (...names: readonly string[]) => join(server.root, 'tree', ...names)
    mkdirSync(at('a', 'b', 'empty'), { recursive: true })
    writeFileSync(at('a', 'b', 'file'), 'deep')
    writeFileSync(at('top'), 'top')
    symlinkSync('..', at('a', 'circle'))
    symlinkSync('../top', at('a', 'link'))
    symlinkSync('/etc/passwd', at('a', 'outside'))
    const client = await loggedIn(server)
    await client.send('SITE CPFR tree')
    expect((await client.send('SITE CPTO /copy')).code).toBe(250)
    const names = readdirSync(join(server.root, 'copy'), { recursive: true, withFileTypes: true })
    expect(names.map(({ name, parentPath }) => join(parentPath, name).slice(server.root.length)).toSorted()).toEqual([
      '/copy/a',
      '/copy/a/b',
      '/copy/a/b/empty',
      '/copy/a/b/file',
      '/copy/a/link',
      '/copy/top',
    ])
    expect(readFileSync(join(server.root, 'copy/a/link'), 'utf8')).toBe('top')
    expect(names.find(({ name }) => name === 'link')?.isFile()).toBe(true)
  })

  it('needs what its parts need, wherever permissions differ below it', async () => {
    const paths = [{ path: '/tree/secret', permissions: ['list'] }]
    const users = [
      simpleUser('alice', { paths }),
      simpleUser('bob', { permissions: ['list', 'download', 'upload'] }),
      simpleUser('carol', { permissions: ['download', 'upload', 'mkdir'] }),
    ]
    const server = await temporaryServer({ users })
    mkdirSync(join(server.root, 'tree/open'), { recursive: true })
    mkdirSync(join(server.root, 'tree/secret'))
    for (const name of ['alice', 'bob', 'carol']) {
      const client = await loggedIn(server, name)
      expect((await client.send('SITE COPY tree copy')).code).toBe(550)
    }
    expect(readdirSync(server.root)).toEqual(['tree'])
    expect((await (await loggedIn(server)).send('SITE COPY tree/open copy')).code).toBe(250)
  })

  it.each(['direct', 'atomic'])(
    'that fails in the midst of it says what is there, and leaves it: uploads %s',
    async mode => {
      const server = await temporaryServer({
        server: { uploads: { mode }, quotas: [{ path: '/copy', maxFiles: 3 }] },
      })
      mkdirSync(join(server.root, 'tree', 'sub'), { recursive: true })
      for (const name of ['one', 'two', 'three', 'four', 'five']) writeFileSync(join(server.root, 'tree', name), name)
      const client = await loggedIn(server)
      const { code, lines } = await client.send('SITE COPY tree copy')
      expect({ code, lines }).toEqual({
        code: 552,
        lines: [expect.any(String), 'Copied until then, and left there: directories: 2, files: 3.'],
      })
      const names = readdirSync(join(server.root, 'copy'))
      expect(names).toContain('sub')
      const whole = names.filter(
        name => name !== 'sub' && readFileSync(join(server.root, 'copy', name), 'utf8') === name,
      )
      expect(whole).toHaveLength(3)
    },
  )

  it('that is aborted says what is there, and leaves it', async () => {
    const server = await temporaryServer()
    mkdirSync(join(server.root, 'tree'))
    for (let index = 0; index < 3000; index += 1) writeFileSync(join(server.root, 'tree', `${index}`), 'content')
    const client = await loggedIn(server)
    client.write('SITE COPY tree copy\r\n')
    await eventually(() => existsSync(join(server.root, 'copy')), 'it has begun')
    const { code, lines } = await client.send('ABOR')
    expect(code).toBe(426)
    expect((await client.reply()).code).toBe(226)
    const [, directories, files] = /directories: (\d+), files: (\d+)\.$/.exec(lines[1] ?? '') ?? []
    expect(directories).toBe('1')
    const left = readdirSync(join(server.root, 'copy')).length
    expect(left).toBeLessThan(3000)
    // One may be there that is not whole.
    expect([Number(files), Number(files) + 1]).toContain(left)
    expect((await client.send('RMDA copy')).code).toBe(250)
  })

  it('that does not fit into a quota, or is too deep, is refused before anything is made', async () => {
    const server = await temporaryServer({ server: { quotas: [{ path: '/', maxBytes: 25 }] } })
    mkdirSync(join(server.root, 'tree'))
    for (const name of ['one', 'two']) writeFileSync(join(server.root, 'tree', name), '0123456789')
    mkdirSync(join(server.root, 'deep', ...Array<string>(70).fill('d')), { recursive: true })
    const client = await loggedIn(server)
    expect((await client.send('SITE COPY tree copy')).code).toBe(552)
    expect((await client.send('SITE COPY deep copy')).code).toBe(504)
    expect(readdirSync(server.root).toSorted()).toEqual(['deep', 'tree'])
  })
})
