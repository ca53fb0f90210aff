/** Uploads that the kernel takes to the file by itself: whole, in order with what is read in the usual way, and ending well. */
import { constants, existsSync, writeSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, readlink, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SocketConnection } from '../../server/data/connection.ts'
import { loadSplice, type Splice } from '../../server/data/kernel/splice.ts'
import { type TransferMeans, transferMeans } from '../../server/data/means.ts'
import { runTransfer } from '../../server/data/moving/run-transfer.ts'
import type { TransferResult } from '../../server/data/moving/transfer.ts'
import { openLocalStorage } from '../../server/storage/local/home.ts'
import { RunningUploads } from '../../server/storage/local/uploads/running-uploads.ts'
import { QuotaLedger } from '../../server/storage/quota/quota-ledger.ts'
import type { Quotas } from '../../server/storage/quota/quotas.ts'
import { StorageError, type WritableFile } from '../../server/storage/storage.ts'
import { connectedPair, pattern } from '../support/data-connections.ts'
import { eventually } from '../support/eventually.ts'

const large = pattern(12_000_000)
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A file that is always willing, or as often as it says. */
class WillingFile implements WritableFile {
  readonly path = '/upload'
  readonly #descriptor: number
  readonly #willing: (to: 'write' | 'absorb') => boolean
  #position = 0
  absorbed = 0
  written = 0
  state: 'open' | 'finished' | 'abandoned' = 'open'

  constructor(descriptor: number, willing: (to: 'write' | 'absorb') => boolean = () => true) {
    this.#descriptor = descriptor
    this.#willing = willing
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#willing('write')) return this.#write(bytes)
    return new Promise<void>(resolve => setImmediate(resolve)).then(() => this.#write(bytes))
  }

  absorb(move: (descriptor: number, position: number) => number): number | undefined {
    if (!this.#willing('absorb')) return undefined
    const moved = move(this.#descriptor, this.#position)
    this.#position += moved
    this.absorbed += moved
    return moved
  }

  async finish(): Promise<void> {
    this.state = 'finished'
  }

  async abandon(): Promise<void> {
    this.state = 'abandoned'
  }

  #write(bytes: Uint8Array): undefined {
    try {
      for (let rest = bytes; rest.length > 0; ) {
        const count = writeSync(this.#descriptor, rest, 0, rest.length, this.#position)
        this.#position += count
        this.written += count
        rest = rest.subarray(count)
      }
    } catch (cause) {
      throw new StorageError('no-space', { cause })
    }
  }
}

describe('An upload that the kernel takes', () => {
  it('arrives whole', async () => {
    const { file, content } = await willingFile()
    const { result, client } = await upload(file)
    client.end(large)
    expect(await result).toMatchObject({ outcome: 'complete', bytes: large.length })
    expect((await content()).equals(large)).toBe(true)
    expect(file.absorbed).toBeGreaterThan(1_000_000)
    expect(file.state).toBe('finished')
  })

  it('keeps its order where the file takes some bytes only in the usual way', async () => {
    const calls = { write: 0, absorb: 0 }
    const { file, content } = await willingFile({ willing: to => ++calls[to] % (to === 'write' ? 2 : 5) !== 0 })
    const { result, client } = await upload(file)
    for (let at = 0; at < large.length; at += 700_001) {
      client.write(large.subarray(at, at + 700_001))
      await new Promise(resolve => setImmediate(resolve))
    }
    client.end()
    expect(await result).toMatchObject({ outcome: 'complete', bytes: large.length })
    expect((await content()).equals(large)).toBe(true)
    expect(file.absorbed).toBeGreaterThan(0)
    expect(file.written).toBeGreaterThan(0)
  })

  it('goes on in the usual way for a file that the kernel refuses', async () => {
    const { file, content } = await willingFile({ flags: constants.O_APPEND })
    const { result, client } = await upload(file)
    client.end(large)
    expect(await result).toMatchObject({ outcome: 'complete', bytes: large.length })
    expect((await content()).equals(large)).toBe(true)
    expect(file.absorbed).toBe(0)
  })

  it('fails as the file does when it is written', async () => {
    const full = await open('/dev/full', 'w')
    onTestFinished(() => full.close())
    let accepted = false
    const file = new WillingFile(full.fd)
    file.write = bytes => {
      // The first bytes are read in the usual way, and the file has room for no more than those.
      if (accepted) return Promise.reject(new StorageError('no-space'))
      accepted = bytes.length > 0
      return undefined
    }
    const { result, client } = await upload(file)
    client.write(large)
    expect(await result).toMatchObject({ outcome: 'storage-failed', storageError: 'no-space' })
    expect(file.state).toBe('abandoned')
  })

  it.each(['the client resets it', 'it is aborted'] as const)('keeps what came when %s, and no pipe', async how => {
    const before = await pipes()
    const { file, content } = await willingFile()
    const stop = new AbortController()
    const { result, client } = await upload(file, stop.signal)
    client.write(large)
    await eventually(() => file.absorbed > 1_000_000, 'some bytes are in the file')
    expect(await pipes()).toBeGreaterThan(before)
    if (how === 'it is aborted') stop.abort()
    else client.resetAndDestroy()
    const { outcome, bytes } = await result
    expect(outcome).toBe(how === 'it is aborted' ? 'aborted' : 'connection-lost')
    expect((await content()).equals(large.subarray(0, bytes))).toBe(true)
    expect(await pipes()).toBe(before)
  })

  // Linux tells of a reset once.
  it('takes a reset that only splice has seen for a loss, not for an end', async () => {
    const { client, server } = await connectedPair()
    const kernel = loaded().join(server)
    client.resetAndDestroy()
    let error: unknown
    server.on('error', cause => {
      error = cause
    })
    await eventually(() => kernel?.move(-1, 0, 1) === 0 && error !== undefined, 'the loss')
    kernel?.close()
  })

  it('is given up when nothing comes any more', async () => {
    const { file, content } = await willingFile()
    const { result, client } = await upload(file, undefined, 1)
    client.write(large)
    expect((await result).outcome).toBe('stalled')
    expect((await content()).equals(large)).toBe(true)
    expect(file.state).toBe('abandoned')
  })

  it('finds the usual way where all pipes are in use', async () => {
    const uploads = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const { file, content } = await willingFile()
        return { file, content, ...(await upload(file)) }
      }),
    )
    for (const { client } of uploads) client.write(large.subarray(0, 3_000_000))
    await eventually(() => uploads.every(({ file }) => file.absorbed + file.written === 3_000_000), 'all is stored')
    expect(uploads.filter(({ file }) => file.absorbed > 0).length).toBeLessThanOrEqual(8)
    for (const { client } of uploads) client.end()
    for (const { result, content } of uploads) {
      expect((await result).outcome).toBe('complete')
      expect((await content()).equals(large.subarray(0, 3_000_000))).toBe(true)
    }
  })
})

describe('A local file', () => {
  it('lets the kernel put bytes into it once writing has shown to be quick, at its next position', async () => {
    const root = await directory()
    const uploads = new RunningUploads()
    const storage = await openLocalStorage({
      root,
      home: '/',
      uploads,
      uploading: { mode: 'direct', durability: 'none', user: 'alice' },
    })
    const file = await storage.write('/file', { kind: 'replace' })
    const nothing = () => 0
    expect(file.absorb?.(nothing, nothing)).toBeUndefined()
    for (let times = 0; times < 100; times++) uploads.pace.writing.note('thread', 0.1, 1_000_000)
    for (const bytes of ['a', 'b', 'c', 'd']) await file.write(Buffer.from(bytes))
    await eventually(() => file.absorb?.(nothing, nothing) === 0, 'the file is willing')
    const put = (descriptor: number, position: number) => writeSync(descriptor, 'kernel', position)
    expect(file.absorb?.(put, nothing)).toBe(6)
    await file.write(Buffer.from('e'))
    await file.finish()
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('abcdkernele')
    expect(file.absorb?.(put, nothing)).toBeUndefined()
    await storage.close()
  })
})

describe('An upload that the kernel takes, under a quota', () => {
  // Workers ask the supervisor: an answer takes a while there.
  const ways = { 'at once': (bytes: number | Promise<number>) => bytes, 'after a while': later }

  it.each(['at once', 'after a while'] as const)('fills it to the last byte where room is given %s', async when => {
    const asked: number[] = []
    const ledger = new QuotaLedger({ usageOf: async () => ({ bytes: 0, files: 0 }) }).holder()
    const quotas: Quotas = {
      take: taking => {
        asked.push(taking.most)
        return ways[when](ledger.take(taking))
      },
      change: change => ledger.change(change),
      usage: limits => ledger.usage(limits),
    }
    const maxBytes = 20_000_003
    const { write, content } = await limitedStorage(quotas, maxBytes)
    const [one, other] = await Promise.all([write('/one'), write('/other')])
    const moved = [countMoved(one), countMoved(other)]
    const uploads = [await upload(one), await upload(other)]
    for (const { client } of uploads) client.end(large)
    const outcomes = await Promise.all(uploads.map(({ result }) => result))
    expect(outcomes.map(({ outcome }) => outcome)).toContain('storage-failed')
    expect(outcomes.map(({ storageError = 'over-quota' }) => storageError)).toEqual(['over-quota', 'over-quota'])
    const stored = await Promise.all([content('one'), content('other')])
    expect(stored.map(bytes => bytes.equals(large.subarray(0, bytes.length)))).toEqual([true, true])
    expect((stored[0]?.length ?? 0) + (stored[1]?.length ?? 0)).toBe(maxBytes)
    // How much it is of each, depends on how busy the machine is.
    expect(moved.reduce((sum, bytes) => sum + bytes(), 0)).toBeGreaterThan(1_000_000)
    // What has come, and no more: others may need the room.
    expect(Math.max(...asked)).toBeLessThanOrEqual(1_048_576)
    // Nothing is held by uploads that have ended.
    ledger.change({ path: '/one', bytes: -1000, files: 0 })
    expect(await hasRoom(ledger, maxBytes, 1000)).toBe(true)
    expect(await hasRoom(ledger, maxBytes, 1)).toBe(false)
  })

  it('gives back what it has not used when it is lost while it asks', async () => {
    const ledger = new QuotaLedger({ usageOf: async () => ({ bytes: 0, files: 0 }) }).holder()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    let asking = 0
    const quotas: Quotas = {
      take: async taking => {
        const granted = await ledger.take(taking)
        if (taking.most > 0 && ++asking > 4) await released
        return granted
      },
      change: change => ledger.change(change),
      usage: limits => ledger.usage(limits),
    }
    const { write, content } = await limitedStorage(quotas, large.length)
    const { result, client } = await upload(await write('/one'))
    client.write(large)
    await eventually(() => asking > 4, 'room is asked for')
    client.resetAndDestroy()
    release()
    expect((await result).outcome).not.toBe('complete')
    const { length } = await content('one')
    await eventually(() => hasRoom(ledger, large.length, large.length - length), 'the rest is free')
    expect(await hasRoom(ledger, large.length, 1)).toBe(false)
  })
})

const later = async (bytes: number | Promise<number>): Promise<number> => {
  const [granted] = await Promise.all([bytes, new Promise(resolve => setImmediate(resolve))])
  return granted
}

/** Takes so much if it is there. */
async function hasRoom(quotas: Quotas, maxBytes: number, bytes: number): Promise<boolean> {
  const taking = { path: '/more', least: bytes, most: bytes, files: 0, limits: [{ directory: '/', maxBytes }] }
  return await Promise.resolve(taking)
    .then(each => quotas.take(each))
    .then(
      () => true,
      () => false,
    )
}

/** A storage to which writing is quick already; and stays so in memory, however busy the machine is. */
async function limitedStorage(
  quotas: Quotas,
  maxBytes: number,
): Promise<{ write: (path: string) => Promise<WritableFile>; content: (name: string) => Promise<Buffer> }> {
  const root = await directory(memory)
  const uploads = new RunningUploads()
  for (let times = 0; times < 100; times++) uploads.pace.writing.note('thread', 0.1, 1_000_000)
  const limits = [{ directory: '/', maxBytes }]
  const storage = await openLocalStorage({ root, home: '/', uploads, quotas: { quotas, home: '/', limits } })
  onTestFinished(() => storage.close())
  const write = async (path: string) => {
    const file = await storage.write(path, { kind: 'replace' })
    for (let call = 0; call < 4; call++) await file.write(Buffer.alloc(0))
    await eventually(
      () =>
        file.absorb?.(
          () => 0,
          () => 0,
        ) === 0,
      'the file is willing',
    )
    return file
  }
  return { write, content: name => readFile(join(root, name)) }
}

/** Bytes that the kernel has put into it. */
function countMoved(file: WritableFile): () => number {
  const absorb = file.absorb?.bind(file)
  let bytes = 0
  Reflect.set(file, 'absorb', (...[move, arrived]: Parameters<NonNullable<WritableFile['absorb']>>) =>
    absorb?.((...to) => {
      const moved = move(...to)
      bytes += moved
      return moved
    }, arrived),
  )
  return () => bytes
}

function loaded(): Splice {
  const splice = loadSplice()
  if (splice === undefined) throw new Error('no splice')
  return splice
}

const means: TransferMeans = { ...transferMeans(), splice: loaded() }

async function upload(
  file: WritableFile,
  signal: AbortSignal = new AbortController().signal,
  stallTimeoutSeconds = 10,
): Promise<{ result: Promise<TransferResult>; client: Socket }> {
  const { client, server } = await connectedPair()
  const result = runTransfer({ kind: 'receive-file', file, path: '/f', type: 'image' }, new SocketConnection(server), {
    signal,
    stallTimeoutSeconds,
    rejectTruncated: false,
    onProgress: () => {},
    means,
  })
  client.resume()
  onTestFinished(() => void client.destroy())
  return { result, client }
}

async function willingFile({
  flags = 0,
  willing,
}: {
  flags?: number
  willing?: (to: 'write' | 'absorb') => boolean
} = {}): Promise<{
  file: WillingFile
  content: () => Promise<Buffer>
}> {
  const path = join(await directory(), 'file')
  const handle = await open(path, constants.O_WRONLY | constants.O_CREAT | flags)
  onTestFinished(() => handle.close())
  return { file: new WillingFile(handle.fd, willing), content: () => readFile(path) }
}

async function directory(parent = tmpdir()): Promise<string> {
  const path = await mkdtemp(join(parent, 'ftp-operator-splice-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

/** Ends of pipes that this process has open. */
async function pipes(): Promise<number> {
  const descriptors = await readdir('/proc/self/fd')
  const targets = await Promise.all(descriptors.map(each => readlink(`/proc/self/fd/${each}`).catch(() => '')))
  return targets.filter(target => target.startsWith('pipe:')).length
}
