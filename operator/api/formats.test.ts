import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formats } from '../../server/config/formats.ts'
import { structuralFormats } from './formats.ts'

/** As the API server does: the pattern, the length, and the pattern of a rule. */
function takes(name: string, text: string): boolean {
  const { pattern = '', maxLength, rules = [] } = structuralFormats[name] ?? { maxLength: 0 }
  const ruled = rules.map(({ rule }) => /^self\.matches\('(.*)'\)$/.exec(rule)?.[1] ?? '')
  return text.length <= maxLength && [pattern, ...ruled].every(each => new RegExp(each, 'u').test(text))
}

const fromServer = (name: string, text: string) => formats[name]?.takes(text) ?? false

describe('paths and names are what the server takes, exactly', () => {
  const paths = fc.array(fc.oneof(fc.constantFrom('.', '..', '...', '.a', '..a', '', 'a b', 'ä', '\0'), fc.string()), {
    maxLength: 5,
  })
  test('virtual-path', () => {
    const path = fc.tuple(fc.constantFrom('', '/'), paths).map(([root, parts]) => `${root}${parts.join('/')}`)
    fc.assert(fc.property(path, text => takes('virtual-path', text) === fromServer('virtual-path', text)))
  })

  test('host-name', () => {
    const name = fc.oneof(fc.string(), fc.stringMatching(/^([a-z0-9-]{0,66}\.){0,4}[A-Za-z0-9-]{0,66}\.?$/))
    fc.assert(fc.property(name, text => takes('host-name', text) === fromServer('host-name', text)))
  })

  test('user-name', () => {
    const name = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9._@+-]{0,66}$/))
    fc.assert(fc.property(name, text => takes('user-name', text) === fromServer('user-name', text)))
  })
})

describe('nothing that the server takes is refused', () => {
  test('timestamp', () => {
    const day = fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
    const text = fc.oneof(
      day.map(date => date.toISOString()),
      day.map(date => date.toISOString().slice(0, 10)),
      day.map(date => date.toISOString().toLowerCase().replace('z', '+14:30')),
    )
    fc.assert(fc.property(text, each => fromServer('timestamp', each) && takes('timestamp', each)))
  })

  test('time-zone', () => {
    const zones = [...Intl.supportedValuesOf('timeZone'), 'UTC', 'Etc/GMT+1', 'America/Argentina/Buenos_Aires']
    expect(zones.filter(zone => !takes('time-zone', zone))).toEqual([])
  })

  test.each([
    '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
    `$argon2id$v=19$m=65536,t=3,p=4$aM15713r3Xsvxbi31lqr1Q$${'a'.repeat(42)}A`,
    `$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$${'a'.repeat(42)}A`,
    `$pbkdf2-sha256$29000$aM15713r3Xsvxbi31lqr1Q$${'a'.repeat(42)}A`,
    `$pbkdf2-sha512$i=210000,l=32$aM15713r3Xsvxbi31lqr1Q==$${'a'.repeat(42)}A=`,
    `$5$rounds=5000$salt$${'a'.repeat(43)}`,
    `$6$salt$${'a'.repeat(86)}`,
  ])('%s', hash => {
    expect(fromServer('password-hash', hash)).toBe(true)
    expect(takes('password-hash', hash)).toBe(true)
  })
})

test.each([
  ['virtual-path', 'a'],
  ['virtual-path', '/a/'],
  ['user-name', 'a'.repeat(65)],
  ['timestamp', '2030-1-1'],
  ['timestamp', '2030-01-31T24:00:00Z'],
  ['timestamp', '2030-01-31T12:00:00'],
  ['time-of-day', '8:00'],
  ['time-of-day', '24:30'],
  ['time-zone', '+01:00'],
  ['password-hash', 'secret'],
  ['password-hash', '$1$abc$def'],
  ['password-hash', '$2b$10$short'],
  ['password-hash', `$2b$17$${'a'.repeat(53)}`],
])('%s refuses %j, as the server does', (name, text) => {
  expect(fromServer(name, text)).toBe(false)
  expect(takes(name, text)).toBe(false)
})
