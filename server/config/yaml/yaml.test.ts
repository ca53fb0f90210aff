import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseYaml } from './yaml.ts'

function violations(text: string) {
  const result = parseYaml(text)
  return result.parsed ? [] : result.violations
}

test('YAML and JSON give the same value', () => {
  const value = { users: [{ name: 'a', limits: { maxSessions: 2 } }] }
  expect(parseYaml('users:\n  - name: a\n    limits: {maxSessions: 2}\n')).toEqual({ parsed: true, value })
  expect(parseYaml(JSON.stringify(value))).toEqual({ parsed: true, value })
})

test('dates stay text', () => {
  expect(parseYaml('expires: 2030-01-31')).toEqual({ parsed: true, value: { expires: '2030-01-31' } })
})

test('a mistake is placed by line and column', () => {
  expect(violations('a: 1\nb: "x\n')[0]?.path).toMatch(/^line [23], column \d+$/)
  expect(violations('{"a": 1,\n "b" 2}')[0]?.path).toMatch(/^line 2, column \d+$/)
})

test('messages do not quote the file', () => {
  for (const text of [
    'a: *hunter2',
    'a: "hunter2',
    'hunter2: 1\nhunter2: 2',
    '%hunter2\n---\na',
    'a: !hunter2 b',
    '- hunter2\nb: hunter2',
  ]) {
    expect(violations(text)).not.toEqual([])
    expect(JSON.stringify(violations(text))).not.toContain('hunter2')
  }
})

test('an alias bomb is refused before it grows', () => {
  const lines = Array.from({ length: 30 }, (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]`)
  expect(violations(['a0: &a0 [x]', ...lines].join('\n'))).toHaveLength(1)
})

test('nesting that would overflow the stack is refused', () => {
  expect(violations('['.repeat(200_000))).not.toEqual([])
  expect(violations(`{"a":${'['.repeat(200_000)}`)).not.toEqual([])
})

test('an empty file is refused, since an editor may be about to write it; comments alone are not', () => {
  expect(violations(' \n')).toEqual([{ path: '', message: 'must not be empty; `{}` stands for nothing but defaults' }])
  expect(parseYaml('# all defaults\n')).toEqual({ parsed: true, value: null })
})

test('a key that is a collection is not told to the process, with its text', async () => {
  const warned: Error[] = []
  const listen = (warning: Error) => warned.push(warning)
  process.on('warning', listen)
  parseYaml('? { password: hunter2 }\n: 1\n')
  await setImmediate()
  process.off('warning', listen)
  expect(warned).toEqual([])
})

test('no text makes it throw', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,-?&*!|>%@`"\'# \n\ta')) }),
  )
  fc.assert(
    fc.property(texts, text => typeof parseYaml(text).parsed === 'boolean'),
    { numRuns: 1000 },
  )
})
