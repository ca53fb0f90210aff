import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Incoming } from './incoming.ts'
import { outgoing } from './outgoing.ts'

type Case = {
  readonly mode: 'stream' | 'block' | 'compressed'
  readonly structure: 'file' | 'record'
  readonly type: 'ascii' | 'image'
}

const cases: readonly Case[] = (['stream', 'block', 'compressed'] as const).flatMap(mode =>
  (['file', 'record'] as const).flatMap(structure =>
    (['ascii', 'image'] as const).map(type => ({ mode, structure, type })),
  ),
)

function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map(one => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

/** What is sent for the chunks, with a marker after each. */
function encoded({ mode, structure, type }: Case, chunks: readonly Uint8Array[]): Buffer {
  const way = outgoing({ mode, structure }, type)
  const parts: Buffer[] = []
  let offset = 0
  for (const chunk of chunks) {
    parts.push(Buffer.from(way.encode(chunk)))
    offset += chunk.length
    const marker = way.mark(`${offset}`)
    if (marker !== undefined) parts.push(Buffer.from(marker))
  }
  parts.push(Buffer.from(way.end()))
  return Buffer.concat(parts)
}

type Marked = { readonly marker: string; readonly length: number }

async function decoded(
  { mode, structure, type }: Case,
  chunks: readonly Uint8Array[],
): Promise<{ readonly bytes: Buffer; readonly marks: readonly Marked[] }> {
  const parts: Buffer[] = []
  const marks: Marked[] = []
  const way = new Incoming({ mode, structure }, type, {
    write: async bytes => {
      parts.push(Buffer.from(bytes))
    },
    mark: async marker => {
      marks.push({ marker, length: parts.reduce((sum, part) => sum + part.length, 0) })
    },
  })
  for (const chunk of chunks) await way.take(chunk)
  await way.end()
  expect(way.isOver).toBe(mode !== 'stream' || structure === 'record')
  return { bytes: Buffer.concat(parts), marks }
}

// Many runs, ends of lines and control bytes.
const contents = fc
  .array(fc.tuple(fc.constantFrom(0, 10, 13, 0x20, 0x41, 0x42, 0x80, 0xc0, 0xff), fc.constantFrom(1, 1, 1, 2, 5, 70)), {
    maxLength: 40,
  })
  .map(runs => Uint8Array.from(runs.flatMap(([byte, count]) => Array<number>(count).fill(byte))))
const cuts = fc.array(fc.nat(1000), { maxLength: 8 })

describe.each(cases)('MODE $mode, STRU $structure, TYPE $type', one => {
  const plain = (bytes: Uint8Array) =>
    one.type === 'image' ? bytes : Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('\r', ''), 'latin1')

  it('gives back what was sent, however either is cut', async () => {
    await fc.assert(
      fc.asyncProperty(contents, cuts, cuts, async (content, sending, receiving) => {
        const bytes = plain(content)
        const wire = encoded(one, cut(bytes, sending))
        expect((await decoded(one, cut(wire, receiving))).bytes).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it('reads anything to the same bytes, or the same error, however it is cut', async () => {
    const outcome = (chunks: readonly Uint8Array[]) =>
      decoded(one, chunks).then(
        ({ bytes, marks }) => ({ bytes: bytes.toString('hex'), marks }),
        (error: Error) => error.message,
      )
    await fc.assert(
      fc.asyncProperty(fc.oneof(contents, fc.uint8Array({ maxLength: 60 })), cuts, async (wire, receiving) => {
        expect(await outcome(cut(wire, receiving))).toEqual(await outcome([wire]))
      }),
    )
  })

  if (one.mode === 'stream') return

  it('has markers at which both files are as long as they say', async () => {
    await fc.assert(
      fc.asyncProperty(contents, cuts, cuts, async (content, sending, receiving) => {
        const bytes = plain(content)
        const { marks } = await decoded(one, cut(encoded(one, cut(bytes, sending)), receiving))
        expect(marks.length).toBeGreaterThan(0)
        for (const { marker, length } of marks) expect(`${length}`).toBe(marker)
      }),
    )
  })

  it('is incomplete wherever it is cut off', async () => {
    const wire = encoded(one, [Buffer.from('one\ntwo   \nthree')])
    for (let end = 0; end < wire.length; end++)
      await expect(decoded(one, [wire.subarray(0, end)])).rejects.toMatchObject({ kind: 'incomplete' })
  })
})

describe('Text', () => {
  const sent = (one: Case, text: string) => encoded(one, [Buffer.from(text)]).toString('latin1')
  const records: Case = { mode: 'stream', structure: 'record', type: 'ascii' }

  it('has records in place of ends of lines, also where the file has CRLF', () => {
    expect(sent(records, 'a\nb\r\n\nc')).toBe('a\xff\x01b\xff\x01\xff\x01c\xff\x02')
    expect(sent({ ...records, type: 'image' }, 'a\nb\r\n')).toBe('a\xff\x01b\r\xff\x01\xff\x02')
  })

  it('has CRLF within blocks where there are no records', async () => {
    const one: Case = { mode: 'block', structure: 'file', type: 'ascii' }
    expect(sent(one, 'a\nb')).toContain('a\r\nb')
    const wire = Buffer.from('\0\0\x04a\r\nb\x40\0\0', 'latin1')
    expect((await decoded(one, [wire])).bytes.toString()).toBe('a\nb')
  })

  it('has no marker between CR and LF, of which one would be lost', async () => {
    const one: Case = { mode: 'block', structure: 'file', type: 'ascii' }
    const wire = Buffer.from('\0\0\x02a\r\x10\0\x01A\0\0\x02\nb\x10\0\x01B\x40\0\0', 'latin1')
    expect(await decoded(one, [wire])).toEqual({ bytes: Buffer.from('a\nb'), marks: [{ marker: 'B', length: 3 }] })
    expect(outgoing(one, 'ascii').mark('0')).toBeDefined()
    const way = outgoing(one, 'ascii')
    way.encode(Buffer.from('a\r'))
    expect(way.mark('2')).toBeUndefined()
  })

  it('of a listing ends its lines as it is, or by records', () => {
    const listed = Buffer.from('one\r\ntwo\r\n')
    expect(Buffer.from(outgoing({ mode: 'stream', structure: 'file' }, 'lines').encode(listed))).toEqual(listed)
    const way = outgoing({ mode: 'stream', structure: 'record' }, 'lines')
    expect(Buffer.from(way.encode(listed)).toString('latin1')).toBe('one\xff\x01two\xff\x01')
  })
})
