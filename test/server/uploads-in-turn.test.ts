/** Uploads to one name of which the first ends at the very moment when the second begins. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { createUploadClaims } from '../../server/storage/local/uploads/upload-claims.ts'
import type { Storage, WritableFile, WriteMode } from '../../server/storage/storage.ts'

describe.each(['direct', 'atomic'] as const)('An upload (%s) whose turn comes when another one ends', mode => {
  let root: string
  let storage: Storage
  let close: () => Promise<void>
  /** Happens before the next upload gets its claim. */
  let meanwhile: (() => Promise<void> | undefined) | undefined

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'in-turn-'))
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

  it('goes on with what the other one has stored', async () => {
    await writeFile(join(root, 'a'), 'old')
    const first = await begun('/a', 'new', { kind: 'replace' })
    meanwhile = () => first.finish()
    const second = await begun('/a', ' and more', { kind: 'append' })
    await second.finish()
    expect(await text('a')).toBe('new and more')
  })
})
