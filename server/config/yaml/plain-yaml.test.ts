import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseDocument, stringify } from 'yaml'
import { parsePlainYaml } from './plain-yaml.ts'

it.each([
  ['users:\n  - name: a\n    home: /x\n  - name: b\n', { users: [{ name: 'a', home: '/x' }, { name: 'b' }] }],
  ['users:\n- name: a\n  limits:\n    maxSessions: 2\n- { name: b, permissions: [list, download] }', undefined],
  ["---\n# all of them\nusers:\n\n  - { name: a, passwordHash: '$2b$10$x, {y}: #z' }  \n", undefined],
  ['users:\n  - name: "a b"\n    disabled: true\n    expires: 2030-01-31\n', undefined],
  ["a: 'it''s'\n", { a: "it's" }],
  ['a: AB:CD:01\n', { a: 'AB:CD:01' }],
  ['- 1\n- 0\n- x\n', [1, 0, 'x']],
])('reads %j', (text, expected) => {
  const value = parsePlainYaml(text)
  expect(value).toEqual({ value: expected ?? parseDocument(text).toJS() })
})

it.each([
  '',
  '# nothing',
  'a',
  'a: b: c',
  'a: b #c',
  'a:\n',
  'a: null',
  'a: ~',
  'a: 1.5',
  'a: 007',
  'a: 0x1f',
  'a: 1e5',
  'a: &x b',
  'a: *x',
  'a: !t b',
  'a: |\n  b',
  'a: b\n  c',
  "a: 'b\n  c'",
  'a: "b\\n"',
  'a: b\n b: c',
  '  a: b\nb: c',
  'a: 1\na: 2',
  'a: {b:c}',
  'a: {b: c, d}',
  'a: [b]c',
  'a: [b',
  'a: []',
  '- - a',
  '-   a: b\n    c: d',
  'true: a',
  'a: é',
  'a: b\r\n',
  'a:\tb',
  'a: b\n---\nc: d',
  'toString: a',
])('leaves %j to those who know all of YAML', text => {
  expect(parsePlainYaml(text)).toBeUndefined()
})

const word = fc.stringMatching(/^[A-Za-z0-9_/$.@+=,:-]{1,12}$/)
const scalar = fc.oneof(word, fc.nat(), fc.boolean(), fc.string({ maxLength: 8 }))
const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,5}$/)
const entry = fc.dictionary(key, fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(key, scalar)), {
  noNullPrototype: true,
})
const file = fc.record({ users: fc.array(entry, { maxLength: 4 }) })
const text = fc
  .tuple(file, fc.constantFrom('BLOCK' as const, 'FLOW' as const))
  .map(([value, style]) =>
    stringify(value, { collectionStyle: style === 'FLOW' ? 'any' : 'block', lineWidth: 0, singleQuote: true }),
  )

function expectSame(written: string): void {
  const plain = parsePlainYaml(written)
  if (plain === undefined) return
  const document = parseDocument(written, { prettyErrors: false })
  expect([...document.errors, ...document.warnings].map(({ code }) => code)).toEqual([])
  expect(plain).toEqual({ value: document.toJS() })
}

it('reads what it reads as all of YAML does', () => {
  fc.assert(fc.property(text, expectSame), { numRuns: 2000 })
})

it('reads what was changed here and there as all of YAML does, or not at all', () => {
  const sample = [
    'users:',
    '  - name: alice',
    "    passwordHash: '$x$y'",
    '    limits:',
    '      maxSessions: 2',
    '  # a comment',
    '  - { name: bob, permissions: [list, "a b"], home: /b }',
    '  - name: c',
    '    paths:',
    '    - path: /p',
    '      role: read-only',
    '',
  ].join('\n')
  expect(parsePlainYaml(sample)).toBeDefined()
  const change = fc.record({
    place: fc.nat(sample.length),
    removed: fc.nat(3),
    added: fc.oneof(
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '- ',
        ':',
        ': ',
        '#',
        ' #',
        "'",
        '"',
        '{',
        '}',
        '[',
        ']',
        ',',
        '&a ',
        '*a',
        '!',
        '|',
        '>',
        '?',
        '0',
        '~',
        '---\n',
        '%',
        '\n    ',
      ),
      fc.constant(''),
    ),
  })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
      const changed = changes.reduce(
        (before, { place, removed, added }) => before.slice(0, place) + added + before.slice(place + removed),
        sample,
      )
      expectSame(changed)
    }),
    { numRuns: 20_000 },
  )
})

const plainWord = fc.stringMatching(/^[b-z][a-z0-9./@-]{3,12}$/)
const plainEntry = fc.dictionary(key, fc.oneof(plainWord, fc.nat(), fc.array(plainWord, { minLength: 1 })), {
  minKeys: 1,
  noNullPrototype: true,
})

it('reads what programs write', () => {
  fc.assert(
    fc.property(fc.array(plainEntry, { minLength: 1 }), users => {
      fc.pre(users.every(user => Object.keys(user).every(name => !/^(null|true|false|constructor)$/i.test(name))))
      expect(parsePlainYaml(stringify({ users }, { lineWidth: 0 }))).toEqual({ value: { users } })
      expect(parsePlainYaml(stringify({ users }, { lineWidth: 0, indentSeq: false }))).toEqual({ value: { users } })
    }),
  )
})
