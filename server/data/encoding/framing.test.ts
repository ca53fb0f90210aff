import { describe, expect, it } from 'vitest'
import { BlockReader, blockWriter } from './block.ts'
import { CompressedReader, compressedWriter } from './compressed.ts'
import type { FrameReader, FrameWriter } from './framing.ts'
import { Gathered } from './gathered.ts'
import { StreamRecordReader, streamRecordWriter } from './stream-records.ts'

function written(write: (to: Gathered) => void): string {
  const to = new Gathered()
  write(to)
  return Buffer.from(to.take()).toString('hex')
}

function data(writer: FrameWriter, text: string): string {
  return written(to => writer.data(Buffer.from(text, 'latin1'), to))
}

/** What a reader finds: data in quotes, records and markers. */
function found(reader: FrameReader, hex: string): string {
  const all: string[] = []
  let text = ''
  const flush = () => {
    if (text !== '') all.push(JSON.stringify(text))
    text = ''
  }
  reader.read(Buffer.from(hex.replaceAll(' ', ''), 'hex'), {
    data: bytes => {
      text += Buffer.from(bytes).toString('latin1')
    },
    endRecord: () => {
      flush()
      all.push('record')
    },
    mark: marker => {
      flush()
      all.push(`mark ${marker}`)
    },
  })
  flush()
  if (reader.isOver) all.push('end')
  return all.join(', ')
}

describe('MODE B', () => {
  it('writes blocks with a descriptor and a count', () => {
    expect(data(blockWriter, 'abc')).toBe('000003616263')
    expect(written(to => blockWriter.endRecord(to))).toBe('800000')
    expect(written(to => blockWriter.mark?.('42', to))).toBe('1000023432')
    expect(written(to => blockWriter.end(to))).toBe('400000')
  })

  it('cuts what is longer than a count can tell', () => {
    const to = new Gathered()
    blockWriter.data(new Uint8Array(65_537), to)
    const bytes = to.take()
    expect(bytes.length).toBe(65_537 + 6)
    expect([...bytes.subarray(0, 3), ...bytes.subarray(65_538, 65_541)]).toEqual([0, 255, 255, 0, 0, 2])
  })

  it.each([
    ['00 0003 616263 40 0000', '"abc", end'],
    ['00 0001 61 40 0001 62', '"ab", end'],
    ['80 0001 61 c0 0001 62', '"a", record, "b", record, end'],
    ['00 0001 61 10 0002 4d31 00 0001 62', '"a", mark M1, "b"'],
    // RFC 959: suspected of errors, by the sender, and data all the same.
    ['20 0001 61', '"a"'],
    ['00 0000 00 00', ''],
  ])('reads %s', (hex, expected) => {
    expect(found(new BlockReader(), hex)).toBe(expected)
  })

  it.each([
    ['a descriptor that is not defined', '01 0001 61'],
    ['a marker that is a record as well', '90 0001 61'],
    ['a marker with a space', '10 0003 61 20 62'],
    ['a marker with an end of line', '10 0002 0d0a'],
    ['a marker without characters', '10 0000'],
    ['a marker that is too long', '10 0079'],
    ['bytes after the end', '40 0000 00'],
  ])('refuses %s', (_, hex) => {
    expect(() => found(new BlockReader(), hex)).toThrow(expect.objectContaining({ kind: 'malformed' }))
  })
})

describe('MODE C', () => {
  const ascii = compressedWriter(0x20)

  it('writes strings, runs and fillers', () => {
    expect(data(ascii, 'abc')).toBe('03616263')
    expect(data(ascii, 'aaaa')).toBe('8461')
    expect(data(ascii, '     ')).toBe('c5')
    expect(data(compressedWriter(0), '\0\0\0\0     ')).toBe('c48520')
    expect(data(ascii, `x${'a'.repeat(64)}yz`)).toBe(`0178bf6181610279 7a`.replace(' ', ''))
    expect(data(ascii, 'aabbcc')).toBe('06616162626363')
  })

  it('cuts strings that are longer than a count can tell', () => {
    const text = Array.from({ length: 128 }, (_, index) => String.fromCharCode(index)).join('')
    expect(data(ascii, text)).toMatch(/^7f0001.*7e017f$/)
  })

  it('writes descriptors behind an escape, for the string that follows', () => {
    expect(written(to => ascii.endRecord(to))).toBe('0080c0')
    expect(written(to => ascii.mark?.('42', to))).toBe('0010023432')
    expect(written(to => ascii.end(to))).toBe('0040c0')
  })

  it.each([
    ['03616263 00 40 c0', '"abc", end'],
    // A descriptor is about all of the string.
    ['00 40 03616263', '"abc", end'],
    ['00 80 0161 00 c0 8262', '"a", record, "bb", record, end'],
    ['00 80 00 40 0161', '"a", record, end'],
    ['0161 00 10 024d31 c2', '"a", mark M1, "  "'],
    ['00 10 8361 01 62', 'mark aaa, "b"'],
    ['80 61 c0', ''],
    ['00 40', ''],
  ])('reads %s', (hex, expected) => {
    expect(found(new CompressedReader(0x20), hex)).toBe(expected)
  })

  it('fills with zeros where the type is image', () => {
    expect(found(new CompressedReader(0), 'c3')).toBe('"\\u0000\\u0000\\u0000"')
  })

  it.each([
    ['a descriptor that is not defined', '00 01'],
    ['a marker that is a record as well', '00 90'],
    ['a marker that is a record by two descriptors', '00 80 00 10'],
    ['a marker without characters', '00 10 c0'],
    ['a marker of fillers', '00 10 c3'],
    ['a marker that is too long', `00 10 79 ${'61'.repeat(121)}`],
    ['bytes after the end', '00 40 c0 c1'],
  ])('refuses %s', (_, hex) => {
    expect(() => found(new CompressedReader(0x20), hex)).toThrow(expect.objectContaining({ kind: 'malformed' }))
  })
})

describe('STRU R in stream mode', () => {
  it('writes codes of two bytes, and bytes of all ones twice', () => {
    expect(data(streamRecordWriter, 'a\xffb\xff\xff')).toBe('61ffff62ffffffff')
    expect(written(to => streamRecordWriter.endRecord(to))).toBe('ff01')
    expect(written(to => streamRecordWriter.end(to))).toBe('ff02')
  })

  it.each([
    ['61 ff01 62 ff01 ff02', '"a", record, "b", record, end'],
    ['61 ff03', '"a", record, end'],
    ['61 ffff 62', '"aÿb"'],
    ['61 ff02', '"a", end'],
    ['61 ff', '"a"'],
  ])('reads %s', (hex, expected) => {
    expect(found(new StreamRecordReader(), hex)).toBe(expected)
  })

  it.each([
    ['a code that is not defined', 'ff00'],
    ['another one', 'ff04'],
    ['bytes after the end', 'ff02 61'],
  ])('refuses %s', (_, hex) => {
    expect(() => found(new StreamRecordReader(), hex)).toThrow(expect.objectContaining({ kind: 'malformed' }))
  })
})
