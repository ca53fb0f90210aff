import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPasswordHash, parsePasswordHash, passwordHashProblem } from './password-hash.ts'

const salt = 'MDEyMzQ1Njc4OWFiY2RlZg'
const key = 'alaI/a6tcei9s+ztBcPkplaJFTi54alxGme2RS5Xe8o'
const bcryptDigits = 'abcdefghijklmnopqrstuuA0arWXcZ7AcW1FOz2UfcwA8NHwzuKvC'
const sha512Digits = '/BvTlQS0b7W30TeLkUYjY4Vb8zjuBEgIS/QFwfp0lj0.71m3OgP7ADESGyE7iNg/SQCx2EStIoaIxmjOyd6a50'
const sha256Digits = 'BWkkyxYrIqc8EQZ6r2KcMjXpX.9J.CRUA3or9AtqUx/'

const good = [
  `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${key}`,
  `$argon2i$v=19$m=262144,t=16,p=16$${salt}$${key}=`,
  `$argon2d$v=19$t=1,p=1,m=8$${salt}$${key}`,
  `$scrypt$ln=17,r=8,p=1$${salt}$${key}`,
  `$scrypt$ln=20,r=2,p=16$${salt}$${key}`,
  `$pbkdf2-sha256$i=310000$${salt}$${key}`,
  `$pbkdf2-sha256$i=310000,l=32$${salt}$${key}`,
  `$pbkdf2-sha512$29000$K8W4VypF6J0zJiSk9J5Tag$${key.replace('+', '.')}`,
  `$2a$04$${bcryptDigits}`,
  `$2b$12$${bcryptDigits}`,
  `$2y$16$${bcryptDigits}`,
  `$6$saltsaltsaltsalt$${sha512Digits}`,
  `$6$rounds=1000000$x$${sha512Digits}`,
  `$6$$${sha512Digits}`,
  `$5$rounds=1000$x$${sha256Digits}`,
]

test.each(good)('%s is a hash', text => {
  expect(passwordHashProblem(text)).toBeUndefined()
  expect(isPasswordHash(text)).toBe(true)
})

describe('what a check would cost too much for, or what is not whole, is refused with the reason', () => {
  test.each([
    ['', /must be an argon2id/],
    ['secret', /must be an argon2id/],
    ['$', /must be an argon2id/],
    ['$1$salt$qJH7.N4xYta3aEG/dfqo/0', /must be an argon2id/],
    ['$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.', /must be an argon2id/],
    [`$2x$12$${bcryptDigits}`, /must be an argon2id/],
    [`x${good[0]}`, /must be an argon2id/],
    [`$6$${'x'.repeat(600)}`, /at most 512 characters/],
    [`$argon2id$m=19456,t=2,p=1$${salt}$${key}`, /version 1.3/],
    [`$argon2id$v=16$m=19456,t=2,p=1$${salt}$${key}`, /version 1.3/],
    [`$argon2id$v=19$m=262145,t=2,p=1$${salt}$${key}`, /256 MiB/],
    [`$argon2id$v=19$m=9999999999,t=2,p=1$${salt}$${key}`, /256 MiB/],
    [`$argon2id$v=19$m=19456,t=17,p=1$${salt}$${key}`, /t must be/],
    [`$argon2id$v=19$m=19456,t=0,p=1$${salt}$${key}`, /t must be/],
    [`$argon2id$v=19$m=19456,t=2,p=17$${salt}$${key}`, /p must be/],
    [`$argon2id$v=19$m=15,t=2,p=2$${salt}$${key}`, /8 times p/],
    [`$argon2id$v=19$m=19456,t=2$${salt}$${key}`, /whole/],
    [`$argon2id$v=19$m=19456,m=1,t=2,p=1$${salt}$${key}`, /whole/],
    [`$argon2id$v=19$m=-1,t=2,p=1$${salt}$${key}`, /whole/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$`, /whole/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}`, /whole/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${key}$`, /whole/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${key.slice(0, -1)}`, /whole/],
    [`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${key.slice(0, 20)}`, /hash must have from 16/],
    [`$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$${key}`, /salt must have from 8/],
    [`$scrypt$ln=21,r=1,p=1$${salt}$${key}`, /ln must be/],
    [`$scrypt$ln=0,r=8,p=1$${salt}$${key}`, /ln must be/],
    [`$scrypt$ln=19,r=8,p=1$${salt}$${key}`, /256 MiB/],
    [`$scrypt$ln=14,r=33,p=1$${salt}$${key}`, /r must be/],
    [`$scrypt$ln=14,r=8,p=17$${salt}$${key}`, /p must be/],
    [`$pbkdf2-sha256$i=10000001$${salt}$${key}`, /10000000/],
    [`$pbkdf2-sha256$0$${salt}$${key}`, /10000000/],
    [`$pbkdf2-sha256$i=1000,l=31$${salt}$${key}`, /l must be/],
    [`$pbkdf2-sha512$29000$${salt}$${key.slice(0, 16)}`, /hash must have from 16/],
    [`$2b$17$${bcryptDigits}`, /cost must be/],
    [`$2b$03$${bcryptDigits}`, /cost must be/],
    [`$2b$12$${bcryptDigits.slice(1)}`, /whole/],
    [`$2b$12$${bcryptDigits}$`, /whole/],
    [`$6$salt$${sha512Digits.slice(1)}`, /whole/],
    [`$6$salt$${sha256Digits}`, /whole/],
    [`$5$salt$${sha512Digits}`, /whole/],
    [`$6$saltsaltsaltsaltx$${sha512Digits}`, /whole/],
    [`$6$rounds=999$x$${sha512Digits}`, /rounds must be/],
    [`$6$rounds=1000001$x$${sha512Digits}`, /rounds must be/],
    [`$6$rounds=01000$x$${sha512Digits}`, /whole/],
  ])('%s', (text, reason) => {
    expect(passwordHashProblem(text)).toMatch(reason)
    expect(isPasswordHash(text)).toBe(false)
    expect(parsePasswordHash(text)).toBeUndefined()
  })
})

test('A bcrypt hash is taken apart into what it is computed from and what must come out', () => {
  expect(parsePasswordHash(`$2b$05$${bcryptDigits}`)).toEqual({
    kind: 'bcrypt',
    cost: 5,
    setting: '$2b$05$abcdefghijklmnopqrstuu',
    hash: 'A0arWXcZ7AcW1FOz2UfcwA8NHwzuKvC',
  })
})

test('The reason never repeats the hash', () => {
  expect(passwordHashProblem(`$6$rounds=1$x$${sha512Digits}`)).not.toContain(sha512Digits)
})

test('Any text whatever is either a hash or has a problem, and nothing throws', () => {
  const pieces = fc.constantFrom('$', ...good.flatMap(text => text.split('$')), '=', ',', '\n', '\0', '9'.repeat(30))
  const nearly = fc.array(pieces, { maxLength: 12 }).map(parts => parts.join('$'))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearly), text => {
      const isHash = isPasswordHash(text)
      expect(passwordHashProblem(text) === undefined).toBe(isHash)
      expect(parsePasswordHash(text) !== undefined).toBe(isHash)
    }),
    { numRuns: 2000 },
  )
})

test('Base64 is taken only as an encoder writes it, padded or not', () => {
  const digits = fc.string({ unit: fc.constantFrom(...Array.from('+./09AZazQgwEM48=')), maxLength: 48 })
  const encoded = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('base64'))
  fc.assert(
    fc.property(
      fc.oneof(
        digits,
        encoded,
        fc.tuple(encoded, digits).map(parts => parts.join('')),
      ),
      text => {
        const plain = text.replaceAll('.', '+').replace(/={1,2}$/, '')
        const bytes = Buffer.from(plain, 'base64')
        const isExact = bytes.toString('base64').replace(/=+$/, '') === plain && bytes.length >= 1 && bytes.length <= 64
        const parsed = parsePasswordHash(`$pbkdf2-sha256$i=1$${text}$${key}`)
        expect(parsed !== undefined).toBe(isExact)
        if (parsed?.kind === 'pbkdf2') expect(parsed.salt.equals(bytes)).toBe(true)
      },
    ),
  )
})

test('A hash that is cut anywhere is no hash, or one that is still long enough to tell passwords apart', () => {
  for (const text of good) {
    for (let length = 0; length < text.length; length++) {
      const parsed = parsePasswordHash(text.slice(0, length))
      if (parsed === undefined) continue
      expect(['argon2', 'scrypt', 'pbkdf2']).toContain(parsed.kind)
      expect(parsed.hash.length).toBeGreaterThanOrEqual(16)
    }
  }
})
