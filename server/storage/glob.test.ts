import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern, isPattern } from './glob.ts'

describe('patterns', () => {
  it.each([
    ['*', 'a', true],
    ['*', '', true],
    ['*', '.hidden', false],
    ['.*', '.hidden', true],
    ['[.]hidden', '.hidden', false],
    ['*.txt', 'a.txt', true],
    ['*.txt', 'a.txt.gz', false],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['**', 'abc', true],
    ['?', 'é', true],
    ['?', '🎉', true],
    ['??', '🎉', false],
    ['?', '\udcff', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[!a-c]x', 'dx', true],
    ['[^a-c]x', 'ax', false],
    ['[]]', ']', true],
    ['[]a]', 'a', true],
    ['[a-]', '-', true],
    ['[ä-ü]', 'ö', true],
    ['[', '[', true],
    ['[abc', '[abc', true],
    ['a[]', 'a[]', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['{a,b}', '{a,b}', true],
    ['(a+)+$', '(a+)+$', true],
    ['A', 'a', false],
  ])('%j and %j: %s', (pattern, name, expected) => expect(compilePattern(pattern)(name)).toBe(expected))

  it('match hidden names where that is wanted', () => {
    expect(compilePattern('*', 'matched')('.hidden')).toBe(true)
  })

  it('are known by their characters', () => {
    expect(['*', 'a?', '[a]'].every(isPattern)).toBe(true)
    expect(isPattern('plain {a,b} name')).toBe(false)
  })

  it('of more than 256 characters are refused', () => {
    expect(() => compilePattern('a'.repeat(257))).toThrow(expect.objectContaining({ kind: 'name-not-allowed' }))
  })

  it('agree with a slow and plain matcher', () => {
    const text = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 10 }).map(parts => parts.join(''))
    const name = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }).map(parts => parts.join(''))
    fc.assert(
      fc.property(text, name, (pattern, candidate) => {
        expect(compilePattern(pattern)(candidate)).toBe(plain(pattern, candidate))
      }),
      { numRuns: 5000 },
    )
  })

  it('that are made to be slow end at once', () => {
    const name = 'a'.repeat(255)
    for (const pattern of [
      `${'*a'.repeat(127)}*b`,
      `${'a*'.repeat(127)}b`,
      `${'*'.repeat(200)}x`,
      `${'*?'.repeat(120)}x`,
    ]) {
      const matches = compilePattern(pattern)
      for (let time = 0; time < 100; time++) expect(matches(name)).toBe(false)
    }
  })
})

function plain(pattern: string, name: string): boolean {
  if (pattern === '') return name === ''
  if (pattern.startsWith('*')) return plain(pattern.slice(1), name) || (name !== '' && plain(pattern, name.slice(1)))
  return name !== '' && (pattern[0] === '?' || pattern[0] === name[0]) && plain(pattern.slice(1), name.slice(1))
}
