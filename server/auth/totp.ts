/** One-time codes by the clock (RFC 6238), as authenticator apps make them: six digits of SHA-1, another each 30 seconds. */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** Whether a text is a secret: base32 (RFC 4648), of at least 80 bits; spaces and `-` in it do not count. */
export function isTotpSecret(text: string): boolean {
  return /^[A-Z2-7]{16,256}$/.test(normalized(text))
}

/** The given password and the code behind it; the whole is the password where it does not end in a code. */
export function splitCode(given: string): { readonly password: string; readonly code: string | undefined } {
  const code = /[0-9]{6}$/.exec(given)?.[0]
  return code === undefined ? { password: given, code } : { password: given.slice(0, -code.length), code }
}

/**
 * The step of time that a code is of, which is to be taken once only; undefined if it is of none. The step before and the one
 * after count as well (RFC 6238 section 5.2). Time in milliseconds since the epoch. Takes the same time for each code of six digits.
 */
export function totpStep(secret: string, code: string, now: number): number | undefined {
  const key = decodeBase32(normalized(secret))
  const current = Math.floor(now / stepMilliseconds)
  const given = Buffer.from(code)
  let found: number | undefined
  for (const step of [current - 1, current, current + 1]) {
    const expected = Buffer.from(totpCode(key, step))
    if (given.length === expected.length && timingSafeEqual(given, expected)) found = step
  }
  return found
}

/** How long a code may be taken, from the beginning of the first step in which it is. */
export const codeMilliseconds = 90_000

const stepMilliseconds = 30_000

/** RFC 4226 section 5.3. */
function totpCode(key: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.max(0, step)))
  const digest = createHmac('sha1', key).update(counter).digest()
  const offset = (digest.at(-1) ?? 0) & 0x0f
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0')
}

function normalized(secret: string): string {
  return secret.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase()
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function decodeBase32(text: string): Buffer {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const letter of text) {
    value = ((value << 5) | letters.indexOf(letter)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 0xff)
  }
  return Buffer.from(bytes)
}
