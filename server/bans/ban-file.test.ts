import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Ban } from './ban.ts'
import { formatBans, parseBans } from './ban-file.ts'

const ban: Ban = {
  client: '192.0.2.7',
  from: Date.parse('2030-01-01T00:00:00Z'),
  until: Date.parse('2030-01-01T00:10:00Z'),
  count: 2,
  offence: 'unknown-user',
}
const other: Ban = { ...ban, client: '2001:db8:0:0::/64', count: 1 }
const entry = {
  client: '192.0.2.7',
  from: '2030-01-01T00:00:00.000Z',
  until: '2030-01-01T00:10:00.000Z',
  count: 2,
  offence: 'unknown-user',
}

test('what is written is read again', () => {
  expect(parseBans(formatBans([]))).toEqual([])
  expect(parseBans(formatBans([ban, other]))).toEqual([ban, other])
  expect(JSON.parse(formatBans([ban]))).toEqual({ version: 1, bans: [entry] })
})

test('an offence that only another version knows is a ban all the same', () => {
  const text = JSON.stringify({ version: 1, bans: [{ ...entry, offence: 'something-new' }] })
  expect(parseBans(text)).toMatchObject([{ client: '192.0.2.7' }])
})

describe('No file of bans is', () => {
  test.each([
    ['nothing', ''],
    ['half a file', formatBans([ban, other]).slice(0, -9)],
    ['a list', '[]'],
    ['null', 'null'],
    ['another version', '{"version":2,"bans":[]}'],
    ['one without bans', '{"version":1}'],
    ...[
      { client: 'example.org' },
      { client: '2001:db8::1' },
      { client: '10.0.0.0/8' },
      { client: 7 },
      { from: 'yesterday' },
      { until: 0 },
      { count: 0 },
      { count: 1.5 },
      { count: '1' },
    ].map(changes => [
      `one with ${JSON.stringify(changes)}`,
      JSON.stringify({ version: 1, bans: [entry, { ...entry, ...changes }] }),
    ]),
    ['one with null', '{"version":1,"bans":[null]}'],
  ])('%s', (_, text) => {
    expect(parseBans(text)).toBeUndefined()
  })
})

test('no text makes it throw', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map(value => `{"version":1,"bans":[${value}]}`),
  )
  fc.assert(fc.property(texts, text => void parseBans(text)))
})
