import { setImmediate } from 'node:timers/promises'
import { deflateRawSync, deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SharedLedger } from '../../workers/shared-state.ts'
import { Deflater, Inflater } from './deflate.ts'
import { DeflateSlots } from './deflate-slots.ts'

async function deflated(chunks: readonly Uint8Array[], level = 6): Promise<Buffer> {
  const parts: Buffer[] = []
  const deflater = new Deflater(level, async bytes => {
    parts.push(Buffer.from(bytes))
  })
  for (const chunk of chunks) await deflater.write(chunk)
  await deflater.end()
  deflater.close()
  return Buffer.concat(parts)
}

async function inflated(chunks: readonly Uint8Array[], maxRatio = 1000): Promise<Buffer> {
  const parts: Buffer[] = []
  const inflater = new Inflater(maxRatio, async bytes => {
    parts.push(Buffer.from(bytes))
  })
  try {
    for (const chunk of chunks) await inflater.write(chunk)
    await inflater.end()
  } finally {
    inflater.close()
  }
  return Buffer.concat(parts)
}

const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 })

describe('MODE Z', () => {
  it('sends one stream of zlib, and takes it however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.array(fc.nat(200), { maxLength: 4 }), async (chunks, cuts) => {
        const whole = Buffer.concat(chunks)
        const wire = await deflated(chunks)
        expect(inflateSync(wire)).toEqual(whole)
        const at = [0, ...cuts.map(one => one % wire.length).toSorted((a, b) => a - b), wire.length]
        expect(await inflated(at.slice(1).map((end, index) => wire.subarray(at[index], end)))).toEqual(whole)
      }),
      { numRuns: 50 },
    )
  })

  it('deflates by the level', async () => {
    const text = Buffer.from(
      'a line like many others, but not quite\n'.repeat(2000).replaceAll(/like/g, m => m + Math.sin(m.length)),
    )
    const sizes = [await deflated([text], 0), await deflated([text], 1), await deflated([text], 9)].map(
      one => one.length,
    )
    expect(sizes[0]).toBeGreaterThan(text.length)
    expect(sizes[1]).toBeLessThan(text.length / 10)
    expect(sizes[2]).toBeLessThan(sizes[1] ?? 0)
  })

  const wire = deflateSync(Buffer.from('0123456789'.repeat(10)))
  it.each([
    ['nothing at all', Buffer.alloc(0), 'incomplete'],
    ['half of it', wire.subarray(0, wire.length / 2), 'incomplete'],
    ['all but the last byte', wire.subarray(0, -1), 'incomplete'],
    ['bytes after the end', Buffer.concat([wire, Buffer.from('x')]), 'malformed'],
    ['a stream after the stream', Buffer.concat([wire, wire]), 'malformed'],
    ['a wrong checksum', Buffer.concat([wire.subarray(0, -1), Buffer.from([1 ^ (wire.at(-1) ?? 0)])]), 'malformed'],
    ['what is not deflated', Buffer.from('0123456789'), 'malformed'],
    ['deflate without zlib', deflateRawSync(Buffer.from('0123456789')), 'malformed'],
    ['a dictionary', deflateSync(Buffer.from('0123456789'), { dictionary: Buffer.from('0123') }), 'malformed'],
  ] as const)('refuses %s', async (_, bytes, kind) => {
    await expect(inflated([bytes])).rejects.toMatchObject({ kind })
    await expect(inflated([...bytes].map(byte => Uint8Array.of(byte)))).rejects.toMatchObject({ kind })
  })

  it('refuses what becomes too much, long before it is all there', async () => {
    const bomb = deflateSync(Buffer.alloc(200_000_000))
    let given = 0
    const inflater = new Inflater(10, async bytes => {
      given += bytes.length
    })
    await expect(inflater.write(bomb)).rejects.toMatchObject({ kind: 'inflated' })
    inflater.close()
    expect(given).toBeLessThanOrEqual(16_777_216 + 10 * 65_536)
  })

  it('takes what is small, however compressible, and what is no more than allowed', async () => {
    expect(await inflated([deflateSync(Buffer.alloc(16_777_216))], 1)).toHaveLength(16_777_216)
    expect(await inflated([deflateSync(Buffer.alloc(50_000_000))], 1032)).toHaveLength(50_000_000)
  })

  it('waits for who takes what it gives', async () => {
    const released = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    let given = 0
    const inflater = new Inflater(2000, async bytes => {
      given += bytes.length
      begun.resolve()
      await released.promise
    })
    const writing = inflater.write(deflateSync(Buffer.alloc(20_000_000)))
    const isDone = writing.then(() => true)
    await begun.promise
    for (let turn = 0; turn < 50; turn++) await setImmediate()
    expect(await Promise.race([isDone, Promise.resolve(false)])).toBe(false)
    expect(given).toBe(65_536)
    released.resolve()
    await writing
    await inflater.end()
    inflater.close()
    expect(given).toBe(20_000_000)
  })

  it.each(['write', 'end'] as const)('rejects with what its output rejects with, at %s', async where => {
    const refusal = new Error('no room')
    const deflater = new Deflater(0, async () => {
      throw refusal
    })
    if (where === 'write') await expect(deflater.write(Buffer.alloc(1_000_000))).rejects.toBe(refusal)
    await expect(deflater.end()).rejects.toBe(refusal)
    deflater.close()
  })
})

describe('DeflateSlots', () => {
  const never = new AbortController().signal
  const tooMany = { kind: 'too-many-deflated' }

  it('are so many, and go to who waits, in the order of asking', async () => {
    const slots = new DeflateSlots({ shared: new SharedLedger().holder() })
    const release = await slots.take(2, never)
    await slots.take(2, never)
    const order: string[] = []
    const waiting = ['first', 'second'].map(async name => {
      const releaseIt = await slots.take(2, never)
      order.push(name)
      releaseIt()
    })
    await setImmediate()
    expect(order).toEqual([])
    release()
    await Promise.all(waiting)
    expect(order).toEqual(['first', 'second'])
    await slots.take(2, never)
  })

  it('are counted over all processes, and come back from one that is gone', async () => {
    const ledger = new SharedLedger()
    const gone = ledger.holder()
    await new DeflateSlots({ shared: gone }).take(1, never)
    const here = new DeflateSlots({ shared: ledger.holder(), patienceMilliseconds: 20 })
    await expect(here.take(1, never)).rejects.toMatchObject(tooMany)
    gone.releaseAll()
    await here.take(1, never)
  })

  it('are refused to who waits too long or is aborted, whose turn then goes to others', async () => {
    const slots = new DeflateSlots({ shared: new SharedLedger().holder(), patienceMilliseconds: 20 })
    const release = await slots.take(1, never)
    await expect(slots.take(1, never)).rejects.toMatchObject(tooMany)
    const abort = new AbortController()
    const aborted = slots.take(1, abort.signal)
    abort.abort()
    await expect(aborted).rejects.toMatchObject(tooMany)
    await expect(slots.take(1, abort.signal)).rejects.toMatchObject(tooMany)
    release()
    await slots.take(1, never)
  })
})
