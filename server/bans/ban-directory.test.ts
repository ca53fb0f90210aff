import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Ban } from './ban.ts'
import { BanDirectory } from './ban-directory.ts'

const start = Date.parse('2030-01-01T00:00:00Z')
const ban: Ban = { client: '192.0.2.7', from: start, until: start + 600_000, count: 1, offence: 'wrong-password' }
const nothing = { changed: [], orphaned: [], broken: [] }

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bans-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function twoServers() {
  const directory = await temporaryDirectory()
  const [one, other] = [
    new BanDirectory({ directory, instance: 'one' }),
    new BanDirectory({ directory, instance: 'two' }),
  ]
  return { directory, one, other }
}

describe('A directory of bans', () => {
  test('is made for its owner alone, and says that this server’s file is missing until it is written', async () => {
    const directory = join(await temporaryDirectory(), 'deep', 'state')
    const files = new BanDirectory({ directory, instance: 'one' })
    await files.make()
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect(await files.read()).toEqual({ ...nothing, ownIsMissing: true })
    await files.write([])
    expect(await files.read()).toEqual({ ...nothing, ownIsMissing: false })
    expect(await readdir(directory)).toEqual(['bans-one.json'])
    expect((await stat(join(directory, 'bans-one.json'))).mode & 0o777).toBe(0o600)
  })

  test('tells another server what was written, once for each change', async () => {
    const { one, other } = await twoServers()
    await one.write([ban])
    expect((await other.read()).changed).toEqual([[ban]])
    expect((await other.read()).changed).toEqual([])
    await one.write([])
    expect((await other.read()).changed).toEqual([[]])
  })

  test('tells of files that are none once for each change, and of the good ones beside them', async () => {
    const { directory, one, other } = await twoServers()
    await one.write([ban])
    await writeFile(join(directory, 'bans-bad.json'), '{"version":1,"bans":[{"client":')
    await mkdir(join(directory, 'bans-directory.json'))
    await symlink('/etc/passwd', join(directory, 'bans-link.json'))
    await writeFile(join(directory, 'notes.txt'), 'not ours')
    const reading = await other.read()
    expect(reading.broken).toEqual(['bans-bad.json', 'bans-directory.json', 'bans-link.json'])
    expect(reading.changed).toEqual([[ban]])
    expect(await other.read()).toMatchObject(nothing)
    await writeFile(join(directory, 'bans-bad.json'), 'still bad')
    expect((await other.read()).broken).toEqual(['bans-bad.json'])
  })

  test('hands the bans of a server that is gone to another, which removes the file afterwards', async () => {
    const { directory, one, other } = await twoServers()
    await one.write([ban])
    await writeFile(join(directory, 'bans-gone.json.tmp'), 'half')
    await other.write([])
    for (const name of ['bans-one.json', 'bans-gone.json.tmp']) await age(join(directory, name), 599)
    expect((await other.read()).orphaned).toEqual([])
    await other.reap()
    expect(await readdir(directory)).toHaveLength(3)
    for (const name of ['bans-one.json', 'bans-gone.json.tmp']) await age(join(directory, name), 601)
    expect((await other.read()).orphaned).toEqual([[ban]])
    expect(await readdir(directory)).toHaveLength(3)
    await other.reap()
    expect(await readdir(directory)).toEqual(['bans-two.json'])
    expect((await one.read()).ownIsMissing).toBe(true)
  })

  test('takes no file for that of a server that is gone before it knows the time of the file system', async () => {
    const { directory, one, other } = await twoServers()
    await one.write([ban])
    await age(join(directory, 'bans-one.json'), 86_400)
    const reading = await other.read()
    expect([reading.orphaned, reading.changed]).toEqual([[], [[ban]]])
  })

  test('never shows half a file, however often it is written', async () => {
    const { directory, one, other } = await twoServers()
    const many = Array.from({ length: 2000 }, (_, number) => ({
      ...ban,
      client: `10.0.${number >> 8}.${number & 255}`,
    }))
    await one.write(many)
    const writing = (async () => {
      for (let round = 0; round < 30; round += 1) await one.write(many.slice(round))
    })()
    const lengths: number[] = []
    const isWritten = writing.then(() => true)
    do {
      const { changed, broken } = await other.read()
      expect(broken).toEqual([])
      lengths.push(...changed.map(bans => bans.length))
    } while (!(await Promise.race([isWritten, Promise.resolve(false)])))
    await writing
    expect(lengths.every(length => length > 1970)).toBe(true)
    expect(lengths.length).toBeGreaterThan(1)
    expect(await readFile(join(directory, 'bans-one.json'), 'utf8')).toContain('"version":1')
  })

  test('that is no directory, or may not be written, is an error', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    const files = new BanDirectory({ directory: file, instance: 'one' })
    await expect(files.make()).rejects.toThrow('EEXIST')
    await expect(files.read()).rejects.toThrow('ENOTDIR')
    await expect(files.write([])).rejects.toThrow('ENOTDIR')
  })

  test('in a place that takes none is an error', async () => {
    const files = new BanDirectory({ directory: '/proc/none/bans', instance: 'one' })
    await expect(files.make()).rejects.toThrow('ENOENT')
  })
})

/** Makes a file older, as the file system sees it. */
async function age(path: string, seconds: number): Promise<void> {
  const time = Date.now() / 1000 - seconds
  await utimes(path, time, time)
}
