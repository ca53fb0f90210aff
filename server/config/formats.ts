/** The string formats of the schema: what each takes, and in plain words what it must be. */
import { isIP, isIPv4 } from 'node:net'
import { isPasswordHash, passwordHashProblem } from '../auth/password-hash.ts'
import { isTotpSecret } from '../auth/totp.ts'
import { isNetwork } from './network.ts'

export type Format = {
  readonly takes: (text: string) => boolean
  readonly words: string
  /** What is wrong with a text that is not taken, where more can be told than what it must be. Does not repeat the text. */
  readonly why?: (text: string) => string | undefined
}

export const formats: Readonly<Record<string, Format>> = {
  network: {
    takes: isNetwork,
    words: 'an IPv4 or IPv6 network such as `10.0.0.0/8` or `2001:db8::/32`, or one address',
  },
  ip: { takes: text => isIP(text) !== 0 && !text.includes('%'), words: 'an IPv4 or IPv6 address' },
  'advertised-address': {
    takes: isAdvertisedAddress,
    words: '`auto`, `pending`, an IPv4 address or a host name',
  },
  'host-name': {
    takes: isHostName,
    words: 'a host name of letters, digits, `-` and `.`, such as `ftp.example.com`',
  },
  'virtual-path': {
    takes: isVirtualPath,
    words: 'an absolute path such as `/incoming`, without `.`, `..` or empty components',
  },
  'user-name': {
    takes: isUserName,
    words: '1 to 64 letters, digits and `. _ @ + -`, starting with a letter, digit or `_`',
  },
  'password-hash': {
    takes: isPasswordHash,
    words:
      'a hash of the password as `npm run hash-password` makes it (in the image: `hash-password`): argon2id, scrypt, bcrypt, pbkdf2, SHA-512 or SHA-256 crypt',
    // Of what is no hash at all, the words say all there is.
    why: text => (/^\$(argon2|scrypt|pbkdf2|2[aby]\$|[56]\$)/.test(text) ? passwordHashProblem(text) : undefined),
  },
  'time-of-day': {
    takes: text => /^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/.test(text),
    words: 'a time of day from `00:00` to `24:00`',
  },
  'time-zone': { takes: isTimeZone, words: 'the IANA name of a time zone, such as `UTC` or `Europe/Berlin`' },
  'totp-secret': { takes: isTotpSecret, words: 'a secret in base32 (`A` to `Z`, `2` to `7`) of at least 16 letters' },
  timestamp: {
    takes: text => parseTimestamp(text) !== undefined,
    words: 'a date such as `2030-01-31`, or a date and time with zone such as `2030-01-31T12:00:00Z` (RFC 3339)',
  },
}

/** What a text that a format does not take must be, and what is wrong with this one. */
export function wordsFor(format: string, text: string): string {
  const { words, why } = formats[format] ?? { words: format }
  const reason = why?.(text)
  return reason === undefined ? words : `${words}; what is wrong with this one: ${reason}`
}

/** The same as functions alone. */
export const formatChecks: Readonly<Record<string, Format['takes']>> = Object.fromEntries(
  Object.entries(formats).map(([name, { takes }]) => [name, takes]),
)

/** Host names are those of RFC 1123 section 2.1; one whose last label is a number would be a mistyped IPv4 address. */
function isAdvertisedAddress(text: string): boolean {
  if (text === 'auto' || text === 'pending' || isIPv4(text)) return true
  if (text.length > 253) return false
  const labels = text.replace(/\.$/, '').split('.')
  return (
    labels.every(label => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  )
}

/** RFC 1123 section 2.1, and no dot at the end; names in other letters are A-labels here (RFC 5890). The last label of an address is a number. */
export function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text)
  )
}

export function isVirtualPath(text: string): boolean {
  if (text === '/') return true
  if (!text.startsWith('/') || text.includes('\0')) return false
  return text
    .slice(1)
    .split('/')
    .every(component => component !== '' && component !== '.' && component !== '..')
}

export function isUserName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/.test(text)
}

/** IANA names only: ECMA-402 takes offsets such as `+01:00` too, which have no summer time. */
export function isTimeZone(text: string): boolean {
  // The default: to have Intl read the zones takes a tenth of the time in which the server starts.
  if (text === 'UTC') return true
  if (!/^[A-Za-z]/.test(text)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2})))?$/

/** Milliseconds since the epoch of an RFC 3339 date-time, or of the first moment of a date in UTC. Undefined if it is neither or the day does not exist. */
export function parseTimestamp(text: string): number | undefined {
  const match = timestampPattern.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute] = match
  const number = (digits: string | undefined) => Number(digits ?? 0)
  if (number(hour) > 23 || number(minute) > 59 || number(second) > 59) return undefined
  if (number(zoneHour) > 23 || number(zoneMinute) > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(number(year), number(month) - 1, number(day))
  // A day that does not exist, such as 30 February, rolls over into the next month.
  if (date.getUTCMonth() !== number(month) - 1 || date.getUTCDate() !== number(day)) return undefined
  date.setUTCHours(number(hour), number(minute), number(second), Math.trunc(Number(`0.${fraction ?? 0}`) * 1000))
  const zoneMinutes = (number(zoneHour) * 60 + number(zoneMinute)) * (sign === '-' ? -1 : 1)
  return date.getTime() - zoneMinutes * 60_000
}
