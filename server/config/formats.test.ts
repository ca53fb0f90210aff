import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formats, isTimeZone, isVirtualPath, parseTimestamp } from './formats.ts'
import { isNetwork, parseNetwork } from './network.ts'

const cases: Readonly<Record<string, { readonly good: readonly string[]; readonly bad: readonly string[] }>> = {
  network: {
    good: ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1', '0.0.0.0/0', '::/0'],
    bad: ['', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', 'fe80::1%eth0', 'host'],
  },
  ip: { good: ['127.0.0.1', '::', '2001:db8::1'], bad: ['', '127.0.0.256', 'localhost', 'fe80::1%eth0', '10.0.0.0/8'] },
  'advertised-address': {
    good: ['auto', 'pending', '203.0.113.7', 'ftp.example.org', 'ftp', 'ftp.example.org.', '1.example'],
    bad: [
      '',
      '203.0.113.256',
      '2001:db8::1',
      'a..b',
      '-a.example',
      'a_b',
      'ftp.example.org:21',
      'a'.repeat(64),
      'http://a',
    ],
  },
  'host-name': {
    good: ['localhost', 'ftp.example.com', 'FTP.example.com', '3com.example', 'xn--bcher-kva.example', 'a'.repeat(63)],
    bad: ['', '192.0.2.1', '1.2.3', 'a..b', 'a.', '-a', 'a-', 'a_b', 'ä.example', 'a:21', 'a'.repeat(64)],
  },
  'virtual-path': {
    good: ['/', '/a', '/a/b c', '/ä', '/...', '/.hidden'],
    bad: ['', 'a', '/a/', '//a', '/a//b', '/.', '/..', '/a/../b', '/a/./b', '/a\0'],
  },
  'user-name': {
    good: ['a', '_x', 'A.b-c@d+e', 'a'.repeat(64)],
    bad: ['', '.a', '-a', 'a b', 'a/b', 'ä', 'a'.repeat(65), 'a\n'],
  },
  'password-hash': {
    good: ['$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    bad: ['', 'secret', '$1$abc$def', '$2b$10$short'],
  },
  'totp-secret': {
    good: ['GEZDGNBVGY3TQOJQ', 'gezd gnbv gy3t qojq', 'GEZDGNBVGY3TQOJQ===='],
    bad: ['', 'GEZDGNBV', 'GEZDGNBVGY3TQOJ1', 'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ'],
  },
  'time-of-day': { good: ['00:00', '09:59', '23:59', '24:00'], bad: ['', '9:00', '24:01', '12:60', '12', '12:00:00'] },
  'time-zone': { good: ['UTC', 'Europe/Berlin'], bad: ['', 'Mars/Olympus', '+01:00', 'Europe/'] },
  timestamp: {
    good: ['2030-01-31', '2028-02-29', '2030-01-31T12:00:00Z', '2030-01-31t12:00:00.123z', '2030-01-31T23:59:59+14:00'],
    bad: [
      '',
      '2030-02-30',
      '2029-02-29',
      '2030-13-01',
      '2030-1-1',
      '2030-01-31T12:00:00',
      '2030-01-31T24:00:00Z',
      '2030-01-31 12:00:00Z',
      '2030-00-10',
      '2030-01-31T12:00:00+24:00',
    ],
  },
}

test('every format has good and bad examples', () => {
  expect(Object.keys(cases).toSorted()).toEqual(Object.keys(formats).toSorted())
})

describe.each(Object.entries(cases))('%s', (name, { good, bad }) => {
  test.each(good)('takes %j', text => expect(formats[name]?.takes(text)).toBe(true))
  test.each(bad)('refuses %j', text => expect(formats[name]?.takes(text)).toBe(false))
})

test('a timestamp is a moment, and a date is its first moment in UTC', () => {
  expect(parseTimestamp('2030-01-31')).toBe(Date.UTC(2030, 0, 31))
  expect(parseTimestamp('2030-01-31T12:00:00.25+02:30')).toBe(Date.UTC(2030, 0, 31, 9, 30, 0, 250))
  expect(parseTimestamp('2030-01-31T23:00:00-02:00')).toBe(Date.UTC(2030, 1, 1, 1))
  expect(parseTimestamp('0001-01-01')).toBe(Date.parse('0001-01-01T00:00:00Z'))
})

test('a date and time that a program writes is read back as the same moment', () => {
  const moment = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  fc.assert(fc.property(moment, date => parseTimestamp(date.toISOString()) === date.getTime()))
})

test('no text makes a format throw', () => {
  const digits = fc.stringMatching(/^[0-9:./TZtz+-]{0,40}$/)
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    digits,
    fc.string({ unit: fc.constantFrom('/', '.', '\0', 'a') }),
  )
  fc.assert(
    fc.property(texts, text => {
      for (const format of Object.values(formats)) expect(typeof format.takes(text)).toBe('boolean')
      expect(parseNetwork(text) !== undefined).toBe(isNetwork(text))
      isTimeZone(text)
    }),
  )
})

test('a path that is taken stays where it is when it is normalized', () => {
  const parts = fc.array(fc.oneof(fc.constantFrom('.', '..', ''), fc.string()), { maxLength: 6 })
  fc.assert(
    fc.property(parts, components => {
      const path = `/${components.join('/')}`
      const safe =
        components.length === 0 ||
        path
          .split('/')
          .slice(1)
          .every(part => !['', '.', '..'].includes(part) && !part.includes('\0'))
      expect(isVirtualPath(path)).toBe(safe || path === '/')
    }),
  )
})

test('a network contains its addresses, also those mapped into IPv6', () => {
  const network = parseNetwork('10.0.0.0/8')
  expect(network?.contains('10.1.2.3')).toBe(true)
  expect(network?.contains('::ffff:10.1.2.3')).toBe(true)
  expect(network?.contains('11.1.2.3')).toBe(false)
  expect(network?.contains('2001:db8::1')).toBe(false)
  expect(network?.contains('not an address')).toBe(false)
})
