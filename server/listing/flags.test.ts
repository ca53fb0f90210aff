import { expect, it } from 'vitest'
import { parseFlags } from './flags.ts'

it.each([
  ['', '', ''],
  ['-a', 'a', ''],
  ['-la', 'al', ''],
  ['-l -a', 'al', ''],
  ['-l  -a', 'al', ''],
  ['-la /d', 'al', '/d'],
  ['-la  d', 'al', ' d'],
  ['-a a b', 'a', 'a b'],
  ['-- -a', '', '-a'],
  ['-l -- -a', 'l', '-a'],
  ['-al --color=auto d', 'al', 'd'],
  ['-Zx1d', '1d', ''],
  ['-', '', '-'],
  ['- a', '', '- a'],
  ['a -l', '', 'a -l'],
  ['./-a', '', './-a'],
  [' -a', '', ' -a'],
  ['-BBBBBBBBBBBBBBBBBBBBBBBBBB', '', ''],
])('takes the flags off %j', (argument, flags, path) => {
  const parsed = parseFlags(argument)
  expect(Array.from(parsed.flags).toSorted().join('')).toBe(flags.split('').toSorted().join(''))
  expect(parsed.path).toBe(path)
})
