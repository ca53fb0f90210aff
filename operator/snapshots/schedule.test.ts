import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSchedule, type Schedule } from './schedule.ts'

function schedule(text: string, timeZone = 'UTC'): Schedule {
  const parsed = parseSchedule(text, timeZone)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

const iso = (time: number | undefined) => time && new Date(time).toISOString().replace(':00.000Z', 'Z')

/** Times after one, the first few. */
function times(text: string, from: string, count: number, timeZone = 'UTC'): readonly unknown[] {
  const found = schedule(text, timeZone)
  const list: number[] = []
  for (let now = Date.parse(from); list.length < count; ) {
    const next = found.nextAfter(now)
    if (next === undefined) break
    list.push(next)
    now = next
  }
  return list.map(iso)
}

test.each<[string, string, readonly string[]]>([
  ['0 3 * * *', '2026-11-23T03:00:00Z', ['2026-11-24T03:00Z', '2026-11-25T03:00Z']],
  ['* * * * *', '2026-11-23T23:59:30Z', ['2026-11-24T00:00Z', '2026-11-24T00:01Z']],
  ['*/20 * * * *', '2026-11-23T00:21:00Z', ['2026-11-23T00:40Z', '2026-11-23T01:00Z']],
  ['5/25 1 * * *', '2026-11-23T00:00:00Z', ['2026-11-23T01:05Z', '2026-11-23T01:30Z', '2026-11-23T01:55Z']],
  ['0 9-17/4 * * mon-fri', '2026-11-20T14:00:00Z', ['2026-11-20T17:00Z', '2026-11-23T09:00Z']],
  ['0 0 * * 7', '2026-11-23T00:00:00Z', ['2026-11-29T00:00Z']],
  ['0 0 * * 5-7', '2026-11-26T00:00:00Z', ['2026-11-27T00:00Z', '2026-11-28T00:00Z', '2026-11-29T00:00Z']],
  ['0 0 ? JAN,jul Sun', '2026-11-23T00:00:00Z', ['2027-01-03T00:00Z']],
  ['30 4 1,15 * *', '2026-11-23T00:00:00Z', ['2026-12-01T04:30Z', '2026-12-15T04:30Z']],
  ['0 0 29 2 *', '2096-03-01T00:00:00Z', ['2104-02-29T00:00Z']],
  ['@hourly', '2026-11-23T00:00:00Z', ['2026-11-23T01:00Z']],
  ['@daily', '2026-11-23T00:00:00Z', ['2026-11-24T00:00Z']],
  ['@weekly', '2026-11-23T00:00:00Z', ['2026-11-29T00:00Z']],
  ['@monthly', '2026-11-23T00:00:00Z', ['2026-12-01T00:00Z']],
  ['@yearly', '2026-11-23T00:00:00Z', ['2027-01-01T00:00Z']],
])('%s after %s is due at %j', (text, from, expected) => {
  expect(times(text, from, expected.length)).toEqual(expected)
})

test('a day of the month and one of the week: either is enough', () => {
  expect(times('0 0 25 * fri', '2026-11-23T00:00:00Z', 3)).toEqual([
    '2026-11-25T00:00Z',
    '2026-11-27T00:00Z',
    '2026-12-04T00:00Z',
  ])
})

describe('where clocks are set', () => {
  test('the time of day stays', () => {
    expect(times('0 3 * * *', '2026-10-24T00:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2026-10-24T01:00Z',
      '2026-10-25T02:00Z',
    ])
  })

  test('a time that is left out is taken an hour later', () => {
    expect(times('30 2 * * *', '2026-03-28T12:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2026-03-29T01:30Z',
      '2026-03-30T00:30Z',
    ])
  })

  test('a time that comes twice is taken once', () => {
    expect(times('30 2 * * *', '2026-10-24T12:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ])
  })

  test('every hour stays every hour where none is left out', () => {
    expect(times('0 * * * *', '2026-03-28T23:30:00Z', 3, 'Europe/Berlin')).toEqual([
      '2026-03-29T00:00Z',
      '2026-03-29T01:00Z',
      '2026-03-29T02:00Z',
    ])
  })
})

test.each([
  ['', 'five fields'],
  ['0 3 * *', 'five fields'],
  ['0 3 * * * *', 'five fields'],
  ['@every 1h', 'five fields'],
  ['@reboot', 'five fields'],
  ['60 3 * * *', 'minute'],
  ['0 24 * * *', 'hour'],
  ['0 0 0 * *', 'day of the month'],
  ['0 0 * 13 *', 'month'],
  ['0 0 * * 8', 'day of the week'],
  ['0 0 * * fri-mon', 'day of the week'],
  ['0 0 * foo *', 'month'],
  ['*/0 * * * *', 'minute'],
  ['5-1 * * * *', 'minute'],
  ['*-5 * * * *', 'minute'],
  ['1, * * * *', 'minute'],
  ['1.5 * * * *', 'minute'],
  ['0 3 * * mon', undefined],
])('%s is refused for its %s', (text, because) => {
  const parsed = parseSchedule(text, 'UTC')
  if (because === undefined) expect(parsed).toBeTypeOf('object')
  else expect(parsed).toMatch(because === 'five fields' ? /must have 5 fields/ : new RegExp(` as ${because}:`))
})

test('a time zone that is none is refused', () => {
  expect(parseSchedule('0 3 * * *', 'Europe/Atlantis')).toBe('has the time zone Europe/Atlantis, which is none')
})

test('a day that never comes has no time', () => {
  expect(schedule('0 0 30 2 *').nextAfter(Date.parse('2026-01-01T00:00:00Z'))).toBeUndefined()
  expect(schedule('0 0 30 2 *').lastAt(Date.parse('2026-01-01T00:00:00Z'))).toBeUndefined()
})

test('between the last time and the next lies none, in any time zone', () => {
  const field = (most: number) => fc.oneof(fc.constant('*'), fc.integer({ min: 1, max: most }).map(String))
  const texts = fc.tuple(field(59), field(23), field(28), field(12), field(6)).map(words => words.join(' '))
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu')
  const moments = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2040-01-01') })
  fc.assert(
    fc.property(texts, zones, moments, (text, zone, now) => {
      const found = schedule(text, zone)
      const [last, next] = [found.lastAt(now), found.nextAfter(now)]
      if (last === undefined || next === undefined) throw new Error('there is always one')
      expect(last).toBeLessThanOrEqual(now)
      expect(next).toBeGreaterThan(now)
      expect(found.lastAt(next - 1)).toBe(last)
      expect(found.nextAfter(last)).toBe(next)
    }),
    { numRuns: 300 },
  )
})
