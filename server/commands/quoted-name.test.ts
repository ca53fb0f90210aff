import { expect, test } from 'vitest'
import { takeLastNumber, takeQuoted } from './quoted-name.ts'

test.each([
  ['"a b"', { name: 'a b', rest: '' }],
  ['"a b" 1 2', { name: 'a b', rest: ' 1 2' }],
  ['"say ""hi""", 5', { name: 'say "hi"', rest: ', 5' }],
  ['"a"b"', undefined],
  ['"a', undefined],
  ['a', undefined],
  ['""', undefined],
])('Of %s the quoted name is taken', (text, expected) => {
  expect(takeQuoted(text)).toEqual(expected)
})

test.each([
  ['a 1', { number: 1, rest: 'a' }],
  ['a, 12', { number: 12, rest: 'a' }],
  [' 7', { number: 7, rest: '' }],
  ['a -1', undefined],
  ['a1', undefined],
  ['a 9999999999999999', undefined],
])('Of %s the last number is taken', (text, expected) => {
  expect(takeLastNumber(text)).toEqual(expected)
})
