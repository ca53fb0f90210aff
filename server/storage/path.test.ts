import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isWithin, joinPath, nameOf, namesOf, parentOf, resolvePath } from './path.ts'

describe('resolvePath', () => {
  it.each([
    ['/', '', '/'],
    ['/a', '', '/a'],
    ['/a', 'b', '/a/b'],
    ['/a', '/b', '/b'],
    ['/a', '.', '/a'],
    ['/a', './b/.', '/a/b'],
    ['/a/b', '..', '/a'],
    ['/a', '../..', '/'],
    ['/', '../../etc/passwd', '/etc/passwd'],
    ['/a', '/../../../x', '/x'],
    ['/a', 'b//c///d', '/a/b/c/d'],
    ['/a', 'b/', '/a/b'],
    ['/', '//', '/'],
    ['/', '/..', '/'],
    ['/a', '...', '/a/...'],
    ['/a', '..b', '/a/..b'],
    ['/a', '~', '/a/~'],
    ['/a', '~root/x', '/a/~root/x'],
    ['/a', ' b ', '/a/ b '],
    ['/a', '..\\..\\x', '/a/..\\..\\x'],
    ['/a', '%2e%2e/x', '/a/%2e%2e/x'],
    ['/a', '-la', '/a/-la'],
    ['/a', '\udcff/..', '/a'],
  ])('from %s, %s is %s', (cwd, argument, path) => {
    expect(resolvePath(cwd, argument)).toBe(path)
  })

  it.each([
    ['a NUL', 'a\0b'],
    ['a name of 256 bytes', 'x'.repeat(256)],
    ['a name of 86 characters and 258 bytes', '€'.repeat(86)],
    ['a path over 4096 bytes', '/abc'.repeat(1025)],
    ['an argument that is long before it is resolved', '../'.repeat(2000)],
  ])('refuses %s', (_what, argument) => {
    expect(() => resolvePath('/', argument)).toThrow(expect.objectContaining({ kind: 'name-not-allowed' }))
  })

  it('takes names of 255 bytes', () => {
    expect(nameOf(resolvePath('/', 'x'.repeat(255)))).toHaveLength(255)
    expect(resolvePath('/', '€'.repeat(85))).toBe(`/${'€'.repeat(85)}`)
  })

  it('refuses a path that only becomes too long below the working directory', () => {
    const cwd = resolvePath('/', '/abc'.repeat(1020))
    expect(() => resolvePath(cwd, 'a'.repeat(100))).toThrow()
  })

  it('always gives an absolute path without `.`, `..`, empty names or a trailing slash', () => {
    const argument = fc
      .array(fc.constantFrom('a', 'b.c', '.', '..', '', '...', ' ', '\\'))
      .map(names => names.join('/'))
    fc.assert(
      fc.property(argument, argument, (first, second) => {
        const path = resolvePath(resolvePath('/', first), second)
        expect(path).toMatch(/^\/([^/]|[^/]\/(?!$))*$/)
        expect(namesOf(path).every(name => !['', '.', '..'].includes(name))).toBe(true)
        expect(resolvePath('/', path)).toBe(path)
      }),
    )
  })
})

describe('paths', () => {
  it('takes paths apart and puts them together', () => {
    expect([parentOf('/'), parentOf('/a'), parentOf('/a/b')]).toEqual(['/', '/', '/a'])
    expect([nameOf('/'), nameOf('/a'), nameOf('/a/b')]).toEqual(['', 'a', 'b'])
    expect([joinPath('/', 'a'), joinPath('/a', 'b')]).toEqual(['/a', '/a/b'])
    expect([namesOf('/'), namesOf('/a/b')]).toEqual([[], ['a', 'b']])
  })

  it('knows what is within what', () => {
    expect(isWithin('/a', '/a')).toBe(true)
    expect(isWithin('/a/b', '/a')).toBe(true)
    expect(isWithin('/ab', '/a')).toBe(false)
    expect(isWithin('/anything', '/')).toBe(true)
    expect(isWithin('/', '/a')).toBe(false)
  })
})
