import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeName, displayName, encodeName } from './name.ts'

describe('names', () => {
  it('keeps UTF-8 as it is', () => {
    expect(decodeName(Buffer.from('Grüße 🎉'))).toBe('Grüße 🎉')
    expect(encodeName('Grüße 🎉')).toEqual(Buffer.from('Grüße 🎉'))
  })

  it('keeps a byte order mark', () => {
    expect(decodeName(Buffer.from([0xef, 0xbb, 0xbf, 0x61]))).toBe('\ufeffa')
  })

  it.each([
    ['Latin-1', [0x67, 0xfc, 0x6e], 'g\udcfcn'],
    ['a surrogate in UTF-8', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['a sequence cut short', [0xe2, 0x82, 0x41], '\udce2\udc82A'],
    ['a byte beyond Unicode', [0xf5, 0x80, 0x80, 0x80], '\udcf5\udc80\udc80\udc80'],
    ['a character after a broken byte', [0xff, 0xf0, 0x9f, 0x8e, 0x89], '\udcff🎉'],
  ])('escapes %s byte by byte', (_what, bytes, name) => {
    expect(decodeName(Uint8Array.from(bytes))).toBe(name)
    expect([...encodeName(name)]).toEqual(bytes)
  })

  it('gives back exactly the bytes it was given, whatever they are', () => {
    const mixed = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 5 }),
        fc.string({ unit: 'binary' }).map(s => Buffer.from(s)),
      ),
    )
    fc.assert(
      fc.property(mixed, parts => {
        const bytes = Buffer.concat(parts)
        expect(encodeName(decodeName(bytes)).equals(bytes)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('reads a part of a larger buffer', () => {
    expect(decodeName(Buffer.from('xabcx').subarray(1, 4))).toBe('abc')
  })

  it('shows broken bytes in a well-formed string', () => {
    expect(displayName('g\udcfcn')).toBe('g\\xfcn')
    expect(displayName('plain')).toBe('plain')
    expect(displayName('\ud800').isWellFormed()).toBe(true)
  })
})
