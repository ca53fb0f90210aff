/** What a listing of local storage says of files, whichever way they are looked at. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import { loadGetdents } from '../../server/storage/local/kernel/getdents.ts'
import { loadStatx, type Statx } from '../../server/storage/local/kernel/statx.ts'
import { partialName } from '../../server/storage/local/uploads/partials.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { Volumes } from '../../server/storage/local/volumes/volume.ts'
import { joinPath } from '../../server/storage/path.ts'
import type { Entry, Storage } from '../../server/storage/storage.ts'

const statx = loadStatx()
const getdents = loadGetdents()
const memory = '/dev/shm'
let root: string
let storage: Storage

beforeEach(async () => {
  root = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), 'listing-'))
})
afterEach(async () => {
  await storage.close()
  await rm(root, { recursive: true })
})

async function listed(path: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const batch of storage.list(path)) entries.push(...batch)
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

it.skipIf(platform() !== 'linux')('has statx and getdents on Linux', async () => {
  storage = await openLocalStorage({ root, home: '/', uploads: new RunningUploads() })
  expect(statx).toBeDefined()
  expect(getdents).toBeDefined()
})

describe.each([
  ['node:fs', undefined, undefined, undefined],
  ['statx', statx, undefined, undefined],
  ['statx, on a volume that is known,', statx, undefined, new Volumes()],
  ['getdents', statx, getdents, undefined],
  ['getdents, on a volume that is known,', statx, getdents, new Volumes()],
] as const)('by %s', (_name, way, reading, volumes) => {
  beforeEach(async () => {
    storage = await openLocalStorage({
      root,
      home: '/',
      uploads: new RunningUploads(),
      statx: way,
      getdents: reading,
      volumes,
    })
  })

  it('finds each name once, however long names are and however many', async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `${index}-`.padEnd(5 + ((index * 37) % 251), 'x'))
    for (const name of names) writeFileSync(join(root, name), '')
    const found = (await listed('/')).map(({ name }) => name)
    expect(found).toEqual(names.toSorted())
  })

  it('does not show what hides an upload', async () => {
    for (const name of ['.hidden', '..twice', '.ftp-upload-', partialName('a', 'alice')])
      writeFileSync(join(root, name), '')
    const found = (await listed('/')).map(({ name }) => name)
    expect(found).toEqual(['..twice', '.ftp-upload-', '.hidden'])
  })

  it('says of each entry what the entry alone says', async () => {
    writeFileSync(join(root, 'plain'), 'abc')
    writeFileSync(join(root, 'ärger'), '')
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x67, 0xfc, 0x6e])]), 'latin')
    writeFileSync(join(root, 'huge'), '')
    truncateSync(join(root, 'huge'), 5_000_000_123)
    execFileSync('touch', ['-d', '@-86400.5', join(root, 'old')])
    writeFileSync(join(root, 'late'), '')
    utimesSync(join(root, 'late'), 0, 4_300_000_000.123)
    mkdirSync(join(root, 'directory'))
    execFileSync('chmod', ['3751', join(root, 'directory')])
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(root, 'fifo')])
    symlinkSync('plain', join(root, 'link'))
    symlinkSync('directory', join(root, 'link-to-directory'))
    symlinkSync('/etc/passwd', join(root, 'link-outside'))
    symlinkSync('nothing', join(root, 'link-to-nothing'))
    const entries = await listed('/')
    expect(entries.map(({ name }) => name)).toEqual([
      'directory',
      'fifo',
      'g\udcfcn',
      'huge',
      'late',
      'link',
      'link-to-directory',
      'old',
      'plain',
      'ärger',
    ])
    for (const entry of entries) expect(entry).toEqual(await storage.stat(joinPath('/', entry.name)))
    expect(entries.find(({ name }) => name === 'huge')?.size).toBe(5_000_000_123)
    expect(entries.find(({ name }) => name === 'old')?.modified).toBe(-86_400_500)
  })

  it('has every entry of a large directory once', async () => {
    const names = Array.from({ length: 3000 }, (_, index) => `file${index}`)
    for (const name of names) writeFileSync(join(root, name), '')
    expect((await listed('/')).map(({ name }) => name)).toEqual(names.toSorted())
  })

  it('follows any number of links', async () => {
    writeFileSync(join(root, 'file'), 'abc')
    for (let index = 0; index < 40; index++) symlinkSync(index % 3 === 0 ? 'gone' : 'file', join(root, `link${index}`))
    const links = (await listed('/')).filter(({ linkTarget }) => linkTarget !== undefined)
    expect(links).toHaveLength(26)
    expect(links.every(({ size, type }) => size === 3 && type === 'file')).toBe(true)
  })
})

describe('a volume that answers late', () => {
  const files = 1500
  let looks: number

  /** Takes 5 ms for the first looks. */
  function slowAtFirst(slowLooks: number): Statx {
    looks = 0
    return () => {
      looks += 1
      const end = performance.now() + (looks <= slowLooks ? 5 : 0)
      while (performance.now() < end);
      return 'unknown'
    }
  }

  beforeEach(() => {
    for (let index = 0; index < files; index++) writeFileSync(join(root, `file${index}`), '')
  })

  it('is asked directly a few times only', async () => {
    storage = await openLocalStorage({ root, home: '/', uploads: new RunningUploads(), statx: slowAtFirst(Infinity) })
    expect(await listed('/')).toHaveLength(files)
    expect(looks).toBeGreaterThan(1)
    expect(looks).toBeLessThan(20)
  })

  it('is asked directly again once it answers at once', async () => {
    storage = await openLocalStorage({ root, home: '/', uploads: new RunningUploads(), statx: slowAtFirst(3) })
    expect(await listed('/')).toHaveLength(files)
    expect(looks).toBeGreaterThan(1000)
  })
})
