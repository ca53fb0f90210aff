import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromNetwork, type LineEndConverter, toNetwork } from './ascii.ts'

function run(converter: LineEndConverter, chunks: readonly Uint8Array[]): string {
  return Buffer.concat([...chunks.map(chunk => Buffer.from(converter.convert(chunk))), converter.end()]).toString(
    'latin1',
  )
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

const lineEnds = fc.array(fc.constantFrom('\r', '\n', 'a', 'ÿ', '\0'), { maxLength: 40 }).map(parts => parts.join(''))
const chunksOf = (text: string) =>
  fc.array(fc.nat(text.length), { maxLength: 8 }).map(cuts => {
    const at = [0, ...cuts.sort((a, b) => a - b), text.length]
    return at.slice(1).map((end, index) => bytes(text.slice(at[index], end)))
  })
const chunkedText = lineEnds.chain(text => chunksOf(text).map(chunks => ({ text, chunks })))

describe('toNetwork', () => {
  it.each([
    ['a\nb\n', 'a\r\nb\r\n'],
    ['a\r\nb\r\n', 'a\r\nb\r\n'],
    ['\n\n', '\r\n\r\n'],
    ['a\rb', 'a\rb'],
    ['\r\r\n', '\r\r\n'],
    ['', ''],
  ])('makes %j into %j', (text, expected) => {
    expect(run(toNetwork(), [bytes(text)])).toBe(expected)
  })

  it('keeps a CRLF that is split over chunks, with empty ones between', () => {
    expect(run(toNetwork(), [bytes('a\r'), bytes(''), bytes('\nb'), bytes('\n')])).toBe('a\r\nb\r\n')
  })

  it('gives the same however the text is cut', () => {
    fc.assert(
      fc.property(chunkedText, ({ text, chunks }) => {
        expect(run(toNetwork(), chunks)).toBe(run(toNetwork(), [bytes(text)]))
      }),
    )
  })
})

describe('fromNetwork', () => {
  it.each([
    ['a\r\nb\r\n', 'a\nb\n'],
    ['a\rb\r', 'a\rb\r'],
    ['a\nb', 'a\nb'],
    ['\r\r\n', '\r\n'],
    ['', ''],
  ])('makes %j into %j', (text, expected) => {
    expect(run(fromNetwork(), [bytes(text)])).toBe(expected)
  })

  it('gives the same however the text is cut', () => {
    fc.assert(
      fc.property(chunkedText, ({ text, chunks }) => {
        expect(run(fromNetwork(), chunks)).toBe(run(fromNetwork(), [bytes(text)]))
      }),
    )
  })

  it('takes back what toNetwork did to text without CR', () => {
    fc.assert(
      fc.property(chunkedText, ({ text, chunks }) => {
        fc.pre(!text.includes('\r'))
        expect(run(fromNetwork(), [bytes(run(toNetwork(), chunks))])).toBe(text)
      }),
    )
  })
})
