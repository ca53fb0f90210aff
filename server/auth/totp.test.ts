import { describe, expect, test } from 'vitest'
import { isTotpSecret, splitCode, totpStep } from './totp.ts'

/** `12345678901234567890`, the secret of the examples in RFC 6238 appendix B. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

describe('A code', () => {
  // The last six of the eight digits.
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('of RFC 6238 at %i s is taken', (seconds, code) => {
    expect(totpStep(secret, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
  })

  test('is that of one step before, now and after, and of no other', () => {
    const step = Math.floor(59 / 30)
    const steps = [-2, -1, 0, 1, 2].map(by => totpStep(secret, '287082', (step + by) * 30_000))
    expect(steps).toEqual([undefined, step, step, step, undefined])
  })

  test('is of six digits', () => {
    for (const code of ['', '28708', '2870820', '28708x', '287083']) {
      expect(totpStep(secret, code, 59_000), code).toBeUndefined()
    }
  })

  test('does not hang on how the secret is written', () => {
    expect(totpStep(' gezd gnbv-GY3T QOJQ GEZD GNBV GY3T QOJQ==== ', '287082', 59_000)).toBe(1)
  })
})

test.each([
  ['secret123456', 'secret', '123456'],
  ['123456', '', '123456'],
  ['secret1234567', 'secret1', '234567'],
  ['secret12345', 'secret12345', undefined],
  ['', '', undefined],
])('%j is a password and a code', (given, password, code) => {
  expect(splitCode(given)).toEqual({ password, code })
})

test.each([
  [secret, true],
  ['GEZDGNBVGY3TQOJQ', true],
  ['GEZDGNBVGY3TQOJ', false],
  ['GEZDGNBVGY3TQOJ1', false],
  ['', false],
])('%j is a secret: %s', (text, is) => {
  expect(isTotpSecret(text)).toBe(is)
})
