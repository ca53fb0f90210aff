import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeName, encodeName } from '../storage/name.ts'
import { Lines } from './lines.ts'
import { printableName } from './printable-name.ts'

const name = fc.oneof(
  fc.string({ unit: 'grapheme-ascii' }),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 255 }).map(decodeName),
  fc.constantFrom('a\r\nb', '\0', '', '\x7f', '\x80', '~', ' '),
)
const size = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 9, 10, 99, 100, 2_147_483_647, 2_147_483_648))

it('lines have the bytes of their texts and numbers, however many there are', () => {
  const parts = fc.array(fc.record({ name, size, width: fc.nat(20) }), { maxLength: 60 })
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 40 }), (line, times) => {
      const lines = new Lines()
      const expected: Uint8Array[] = []
      for (let time = 0; time < times; time++) {
        for (const part of line) {
          lines.addNumber(part.size, part.width)
          lines.add(part.name)
          expected.push(Buffer.from(String(part.size).padStart(part.width)), encodeName(printableName(part.name)))
        }
        lines.endLine()
        expected.push(Buffer.from('\r\n'))
      }
      const whole = Buffer.concat(expected)
      expect(lines.length).toBe(whole.length)
      expect(Buffer.from(lines.take()).equals(whole)).toBe(true)
    }),
  )
})

it('what was taken is not there any more', () => {
  const lines = new Lines()
  lines.add('one')
  expect(Buffer.from(lines.take()).toString()).toBe('one')
  expect(lines.length).toBe(0)
  lines.add('two')
  expect(Buffer.from(lines.take()).toString()).toBe('two')
})
