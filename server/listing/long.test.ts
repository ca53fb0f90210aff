import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeName } from '../storage/name.ts'
import type { Entry } from '../storage/storage.ts'
import { Lines } from './lines.ts'
import { LongFormat } from './long.ts'

const now = Date.UTC(2026, 5, 15, 12, 0, 0)
const file: Entry = {
  name: 'report.txt',
  type: 'file',
  size: 1234,
  modified: Date.UTC(2026, 0, 2, 15, 4, 59),
  unique: 'x',
  mode: 0o644,
  links: 1,
  owner: 1000,
  group: 1000,
}
const line = (changes: Partial<Entry>, timeZone = 'UTC') =>
  formatted(new LongFormat(timeZone, now), { ...file, ...changes })

function formatted(format: LongFormat, entry: Entry): string {
  const lines = new Lines()
  format.add(lines, entry)
  return decodeName(lines.take())
}

describe('the long format', () => {
  it('is what clients know', () => {
    expect(line({})).toBe('-rw-r--r--   1 1000 1000         1234 Jan  2 15:04 report.txt')
    expect(line({ type: 'directory', mode: 0o755, links: 12, name: 'd' })).toBe(
      'drwxr-xr-x  12 1000 1000         1234 Jan  2 15:04 d',
    )
  })

  it.each([
    [0o000, '----------'],
    [0o777, '-rwxrwxrwx'],
    [0o4755, '-rwsr-xr-x'],
    [0o4644, '-rwSr--r--'],
    [0o2755, '-rwxr-sr-x'],
    [0o1777, '-rwxrwxrwt'],
    [0o1666, '-rw-rw-rwT'],
  ])('shows mode %o as %s', (mode, text) => expect(line({ mode }).slice(0, 10)).toBe(text))

  it('widens for what is large', () => {
    expect(line({ size: 9_007_199_254_740_991, links: 12345, owner: 4_294_967_295 })).toBe(
      '-rw-r--r-- 12345 4294967295 1000 9007199254740991 Jan  2 15:04 report.txt',
    )
  })

  it.each([
    ['half a year ago', now - 182 * 86_400_000, 'Dec 15 12:00'],
    ['longer ago', now - 183 * 86_400_000, 'Dec 14  2025'],
    ['now', now, 'Jun 15 12:00'],
    ['a few seconds ahead', now + 30_000, 'Jun 15 12:00'],
    ['tomorrow', now + 86_400_000, 'Jun 16  2026'],
    ['long ago', 0, 'Jan  1  1970'],
    ['before the epoch', -1000, 'Dec 31  1969'],
    ['in the far future', Date.UTC(12345, 6, 4), 'Jul  4 12345'],
  ])('tells the time or the year: %s', (_what, modified, text) => {
    expect(line({ modified })).toBe(`-rw-r--r--   1 1000 1000         1234 ${text} report.txt`)
  })

  it('tells times in a time zone, with its summer time', () => {
    expect(line({ modified: Date.UTC(2026, 0, 31, 23, 30) }, 'Europe/Berlin')).toContain('Feb  1 00:30')
    expect(line({ modified: Date.UTC(2026, 2, 29, 0, 59) }, 'Europe/Berlin')).toContain('Mar 29 01:59')
    expect(line({ modified: Date.UTC(2026, 2, 29, 1, 0) }, 'Europe/Berlin')).toContain('Mar 29 03:00')
    expect(line({ modified: Date.UTC(2026, 5, 1, 0, 0) }, 'Asia/Kathmandu')).toContain('Jun  1 05:45')
    expect(line({ modified: Date.UTC(2026, 5, 1, 0, 0) }, 'America/St_Johns')).toContain('May 31 21:30')
  })

  it('agrees with the engine in each quarter of an hour of a year', () => {
    for (const timeZone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC']) {
      const format = new LongFormat(timeZone, now)
      const engine = new Intl.DateTimeFormat('en-US', {
        timeZone,
        hourCycle: 'h23',
        hour: '2-digit',
        minute: '2-digit',
      })
      for (let time = now - 15_778_000_000; time < now; time += 900_000 * 13) {
        expect(formatted(format, { ...file, modified: time }).slice(45, 50)).toBe(engine.format(time))
      }
    }
  })

  it('says the same after any other entries', () => {
    const change: fc.Arbitrary<Partial<Entry>> = fc.record(
      {
        type: fc.constantFrom('file', 'directory', 'other'),
        modified: fc.constantFrom(0, 59_999, 60_000, now - 60_000, now, now + 60_001),
        mode: fc.constantFrom(0o600, 0o4755),
        links: fc.nat(2),
        owner: fc.nat(2),
        group: fc.nat(2),
        linkTarget: fc.constant('a'),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), changes => {
        const format = new LongFormat('Asia/Kathmandu', now)
        for (const changed of changes)
          expect(formatted(format, { ...file, ...changed })).toBe(line(changed, 'Asia/Kathmandu'))
      }),
    )
  })

  it('shows links with their target', () => {
    expect(line({ linkTarget: 'd/e' })).toBe('lrwxrwxrwx   1 1000 1000         1234 Jan  2 15:04 report.txt -> d/e')
  })

  it('stays one line, whatever the name', () => {
    expect(line({ name: 'a\r\n-rw-r--r-- 1 0 0 0 Jan 1 00:00 evil\0', linkTarget: 'x\ny' })).toMatch(
      / a%0D%0A-rw-r--r-- 1 0 0 0 Jan 1 00:00 evil%00 -> x%0Ay$/,
    )
  })
})
