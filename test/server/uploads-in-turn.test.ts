/** Uploads to one name of which the first ends at the very moment when the second begins. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { createUploadClaims } from '../../server/storage/local/uploads/upload-claims.ts'
import { Volumes } from '../../server/storage/local/volumes/volume.ts'
import type { Storage, WritableFile, WriteMode } from '../../server/storage/storage.ts'

const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

describe.each([
  { way: 'direct', mode: 'direct', directory: tmpdir(), volumes: undefined },
  { way: 'direct, at once in memory', mode: 'direct', directory: inMemory, volumes: new Volumes() },
  { way: 'atomic', mode: 'atomic', directory: tmpdir(), volumes: undefined },
] as const)('An upload ($way) whose turn comes when another one ends', ({ mode, directory, volumes }) => {
  let root: string
  let storage: Storage
  let close: () => Promise<void>
  /** Happens before the next upload gets its claim. */
  let meanwhile: (() => Promise<void> | undefined) | undefined

  beforeEach(async () => {
    root = await mkdtemp(join(directory, 'in-turn-'))
    const claims = createUploadClaims()
    const uploads = new RunningUploads({
      ...claims,
      async claim(identity) {
        const happens = meanwhile
        meanwhile = undefined
        await happens?.()
        return await claims.claim(identity)
      },
    })
    const opened = await openLocalStorage({
      root,
      home: '/',
      uploads,
      volumes,
      uploading: { mode, durability: 'none', user: 'alice' },
    })
    storage = opened
    close = () => opened.close()
  })

  afterEach(async () => {
    await close()
    await rm(root, { recursive: true })
  })

  async function begun(path: string, text: string, how: WriteMode): Promise<WritableFile> {
    const file = await storage.write(path, how)
    await file.write(Buffer.from(text))
    return file
  }

  const text = (name: string): Promise<string> => readFile(join(root, name), 'utf8')

  it('gets another name where it wants a new one', async () => {
    const first = await begun('/u', 'first', { kind: 'unique' })
    meanwhile = () => first.finish()
    const second = await begun('/u', 'second', { kind: 'unique' })
    await second.finish()
    expect([first.path, second.path]).toEqual(['/u', '/u.1'])
    expect([await text('u'), await text('u.1')]).toEqual(['first', 'second'])
  })

  it('leaves nothing of what the other one has stored, where it takes its place', async () => {
    const first = await begun('/a', '', { kind: 'replace' })
    meanwhile = async () => {
      await first.write(Buffer.from('longer'))
      await first.finish()
    }
    const second = await begun('/a', 'short', { kind: 'replace' })
    await second.finish()
    expect(await text('a')).toBe('short')
  })

  it('goes on with what the other one has stored', async () => {
    await writeFile(join(root, 'a'), 'old')
    const first = await begun('/a', 'new', { kind: 'replace' })
    meanwhile = () => first.finish()
    const second = await begun('/a', ' and more', { kind: 'append' })
    await second.finish()
    expect(await text('a')).toBe('new and more')
  })
})
