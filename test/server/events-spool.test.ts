import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CloudEvent } from '../../server/events/event.ts'
import { Spool, type SpoolLimits } from '../../server/events/spool.ts'
import { removeAdopted, Tenancy, undelivered } from '../../server/events/tenancy.ts'
import { eventually } from '../support/eventually.ts'

let parent = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'ftp-spool-'))
})
afterEach(() => rm(parent, { recursive: true, force: true }))

function eventOf(id: string, size = 10): CloudEvent {
  return {
    specversion: '1.0',
    id,
    source: 's',
    type: 'io.ftp-operator.upload',
    subject: `/${id}`,
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    data: { text: 'x'.repeat(size) },
  }
}

type Lost = { readonly reason: string; readonly count: number; readonly sink: string | undefined }

function spoolIn(directory: string, limits: Partial<SpoolLimits> = {}) {
  const lost: Lost[] = []
  const troubles: unknown[] = []
  const spool = new Spool({
    directory,
    limits: { maxBytes: 1_048_576, whenFull: 'drop-oldest', ...limits },
    onDropped: (reason, count, sink) => lost.push({ reason, count, sink }),
    onSpooled: () => undefined,
    onTrouble: error => troubles.push(error),
  })
  return { spool, lost, troubles }
}

/** Takes so many events for a sink. */
async function take(spool: Spool, sink: string, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  while (ids.length < count) {
    for (const { record, next } of await spool.next(sink, AbortSignal.timeout(5000))) {
      if (ids.length === count) return ids
      ids.push(record?.event.id ?? '')
      spool.pass(sink, next)
    }
  }
  return ids
}

const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `e${index}`)

async function bytesIn(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter(name => name.startsWith('events-'))
  const sizes = await Promise.all(names.map(async name => (await stat(join(directory, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('a spool', () => {
  it('gives each sink all events in their order, over many segments, and removes what all have passed', async () => {
    const { spool, lost } = spoolIn(parent)
    spool.enter('quick')
    spool.enter('slow')
    const ids = numbered(300)
    await Promise.all(ids.map(id => spool.put({ event: eventOf(id, 2000) }, 'kept')))
    expect(await take(spool, 'quick', 300)).toEqual(ids)
    expect((await readdir(parent)).length).toBeGreaterThan(5)
    expect(await take(spool, 'slow', 300)).toEqual(ids)
    expect([spool.isBehind('quick'), spool.isBehind('slow'), lost]).toEqual([false, false, []])
    await eventually(async () => (await bytesIn(parent)) < 100_000, 'the segments are gone')
    expect(await spool.close()).toEqual({ empty: true })
  })

  it('has on the disk what it says it has stored', async () => {
    const { spool } = spoolIn(parent)
    spool.enter('one')
    await spool.put({ event: eventOf('stored') }, 'kept')
    const [name = ''] = await readdir(parent)
    expect(await readFile(join(parent, name), 'utf8')).toBe(`${JSON.stringify({ event: eventOf('stored') })}\n`)
    await spool.close()
  })

  it('drops the oldest for those who lag behind, and never grows beyond its bound', async () => {
    const { spool, lost } = spoolIn(parent)
    spool.enter('quick')
    spool.enter('dead')
    const ids = numbered(2000)
    for (const id of ids) {
      await spool.put({ event: eventOf(id, 1000) }, 'kept')
      await take(spool, 'quick', 1)
      if (id.endsWith('99')) expect(await bytesIn(parent)).toBeLessThanOrEqual(1_048_576)
    }
    expect(lost.every(({ reason, sink }) => reason === 'full' && sink === 'dead')).toBe(true)
    const gone = lost.reduce((sum, { count }) => sum + count, 0)
    expect(gone).toBeGreaterThan(1000)
    expect(await take(spool, 'dead', 2000 - gone)).toEqual(ids.slice(gone))
    expect(spool.isBehind('dead')).toBe(false)
    await spool.close()
  })

  it('or drops what happens, if that is asked for', async () => {
    const { spool, lost } = spoolIn(parent, { whenFull: 'drop-newest' })
    spool.enter('dead')
    const ids = numbered(1500)
    for (const id of ids) await spool.put({ event: eventOf(id, 1000) }, 'kept')
    expect(lost.every(({ reason, count, sink }) => reason === 'full' && count === 1 && sink === undefined)).toBe(true)
    expect(lost.length).toBeGreaterThan(500)
    expect(await take(spool, 'dead', 1500 - lost.length)).toEqual(ids.slice(0, 1500 - lost.length))
    await spool.close()
  })

  it('keeps half of its room from what strangers can cause', async () => {
    const { spool, lost } = spoolIn(parent)
    spool.enter('dead')
    for (const id of numbered(1500)) await spool.put({ event: eventOf(id, 1000) }, 'expendable')
    expect(lost.length).toBeGreaterThan(900)
    expect(lost.every(({ reason }) => reason === 'reserved')).toBe(true)
    await spool.put({ event: eventOf('upload', 1000) }, 'kept')
    expect(await bytesIn(parent)).toBeLessThan(600_000)
    expect(lost.filter(({ sink }) => sink !== undefined)).toEqual([])
    await spool.close()
  })

  it('bounds what waits to be written', async () => {
    const { spool, lost } = spoolIn(parent, { maxBytes: 100_000_000 })
    spool.enter('one')
    await Promise.all(numbered(100).map(id => spool.put({ event: eventOf(id, 100_000) }, 'kept')))
    expect(lost.length).toBeGreaterThan(50)
    expect(lost.every(({ reason }) => reason === 'busy')).toBe(true)
    await spool.close()
  })

  it('says that it can’t write, goes on, and says that it can again', async () => {
    const directory = join(parent, 'missing')
    const { spool, lost, troubles } = spoolIn(directory)
    spool.enter('one')
    await spool.put({ event: eventOf('a') }, 'kept')
    await spool.put({ event: eventOf('b') }, 'kept')
    expect(lost).toEqual([
      { reason: 'write-failed', count: 1, sink: undefined },
      { reason: 'write-failed', count: 1, sink: undefined },
    ])
    expect(troubles).toEqual([expect.objectContaining({ code: 'ENOENT' })])
    await mkdir(directory)
    await spool.put({ event: eventOf('c') }, 'kept')
    expect(troubles).toHaveLength(2)
    expect(await take(spool, 'one', 1)).toEqual(['c'])
    await spool.close()
  })

  it('ends the wait of a sink that is to stop', async () => {
    const { spool } = spoolIn(parent)
    spool.enter('one')
    const stop = new AbortController()
    const waiting = spool.next('one', stop.signal)
    stop.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
    await spool.close()
  })
})

describe('what a process has left', () => {
  const instances = ['000000000001', '000000000002', '000000000003']

  async function leave(instance: string, events: readonly string[], taken: Readonly<Record<string, number>>) {
    const tenancy = new Tenancy({ parent, instance })
    await tenancy.moveIn()
    const { spool } = spoolIn(tenancy.directory)
    for (const sink of Object.keys(taken)) spool.enter(sink)
    for (const id of events) await spool.put({ event: eventOf(id) }, 'kept')
    for (const [sink, count] of Object.entries(taken)) expect(await take(spool, sink, count)).toHaveLength(count)
    return { tenancy, rest: await spool.close() }
  }

  async function found(instance: string) {
    const tenancy = new Tenancy({ parent, instance })
    await tenancy.moveIn()
    const records: [string, readonly string[] | undefined][] = []
    for (const directory of await tenancy.adopt()) {
      for await (const { event, only } of undelivered(directory)) records.push([event.id, only])
      await removeAdopted(directory)
    }
    return records
  }

  const [first = '', second = '', third = ''] = instances

  it('is taken over by the next, each event for the sinks that have not got it', async () => {
    const { tenancy, rest } = await leave(first, ['a', 'b', 'c'], { quick: 2, slow: 0 })
    await tenancy.moveOut(rest)
    expect(await found(second)).toEqual([
      ['a', ['slow']],
      ['b', ['slow']],
      ['c', undefined],
    ])
    expect(await readdir(parent)).toEqual([second])
  })

  it('is nothing if all was delivered', async () => {
    const { tenancy, rest } = await leave(first, ['a'], { one: 1 })
    expect(rest).toEqual({ empty: true })
    await tenancy.moveOut(rest)
    expect(await readdir(parent)).toEqual([])
  })

  it('stays with a process that lives, on this machine or on another', async () => {
    const { tenancy } = await leave(first, ['a'], { one: 0 })
    expect(await found(second)).toEqual([])
    const owner = join(tenancy.directory, 'owner.json')
    await writeFile(owner, JSON.stringify({ host: 'another', pid: 1, started: '1' }))
    expect(await found(second)).toEqual([])
    const old = new Date(Date.now() - 180_000)
    await utimes(owner, old, old)
    expect(await found(second)).toEqual([['a', undefined]])
  })

  it.each([
    ['has no such number', { pid: 4_194_305, started: '1' }],
    ['has the number of another one now', { pid: process.pid, started: '1' }],
  ])('is taken from a process of this machine that %s', async (_, owner) => {
    const { tenancy } = await leave(first, ['a'], { one: 0 })
    const { host } = JSON.parse(await readFile(join(tenancy.directory, 'owner.json'), 'utf8')) as { host: string }
    await writeFile(join(tenancy.directory, 'owner.json'), JSON.stringify({ host, ...owner }))
    expect(await found(second)).toEqual([['a', undefined]])
  })

  it('is whole even if it was cut off in the middle, or has lines of others', async () => {
    const { tenancy, rest } = await leave(first, ['a', 'b'], { one: 0 })
    await tenancy.moveOut(rest)
    const file = join(tenancy.directory, 'events-0000000001.ndjson')
    const { size } = await stat(file)
    await truncate(file, size - 5)
    expect(await found(second)).toEqual([['a', undefined]])
    const again = await leave(first, ['a'], { one: 0 })
    await again.tenancy.moveOut(again.rest)
    await appendFile(file, `nonsense\n{"event":{}}\n${JSON.stringify({ event: eventOf('z') })}\n`)
    expect(await found(second)).toEqual([
      ['a', undefined],
      ['z', undefined],
    ])
  })

  it('goes on from one to the next, if the next ends before it has taken it', async () => {
    const { tenancy, rest } = await leave(first, ['a'], { one: 0 })
    await tenancy.moveOut(rest)
    const middle = await leave(second, ['b'], { one: 0 })
    expect(await middle.tenancy.adopt()).toHaveLength(1)
    await middle.tenancy.moveOut(middle.rest)
    expect(await found(third)).toEqual([
      ['a', undefined],
      ['b', undefined],
    ])
  })

  it('goes to one of several that want it', async () => {
    const { tenancy, rest } = await leave(first, ['a'], { one: 0 })
    await tenancy.moveOut(rest)
    const all = await Promise.all([found(second), found(third)])
    expect(all.flat()).toEqual([['a', undefined]])
  })
})
