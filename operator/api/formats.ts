/** The string formats of the server's schema, as far as the API server can check them; the server checks the rest. */
import type { Rule } from './rule.ts'

export type StructuralFormat = {
  readonly pattern?: string
  readonly maxLength: number
  readonly rules?: readonly Rule[]
}

const component = String.raw`([^/.\x00][^/\x00]*|\.[^/.\x00][^/\x00]*|\.\.[^/\x00]+)`
const base64 = '[+/.0-9A-Za-z]+={0,2}'
const hashes = [
  String.raw`argon2(id|i|d)[$]v=19[$][mtp0-9=,]+[$]${base64}[$]${base64}`,
  String.raw`scrypt[$][lnrp0-9=,]+[$]${base64}[$]${base64}`,
  String.raw`pbkdf2-sha(256|512)[$][il0-9=,]+[$]${base64}[$]${base64}`,
  '2[aby][$](0[4-9]|1[0-6])[$][./0-9A-Za-z]{53}',
  '5[$](rounds=[1-9][0-9]{0,8}[$])?[!-#%-9;-~]{0,16}[$][./0-9A-Za-z]{43}',
  '6[$](rounds=[1-9][0-9]{0,8}[$])?[!-#%-9;-~]{0,16}[$][./0-9A-Za-z]{86}',
]

/** By the name that the server's schema has for it. */
export const structuralFormats: Readonly<Record<string, StructuralFormat>> = {
  network: {
    maxLength: 64,
    rules: [
      {
        rule: 'isCIDR(self) || isIP(self)',
        message: 'must be an IPv4 or IPv6 network such as `10.0.0.0/8` or `2001:db8::/32`, or one address',
      },
    ],
  },
  'host-name': {
    maxLength: 253,
    pattern: '^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$',
  },
  'virtual-path': { maxLength: 4096, pattern: `^(/|(/${component})+)$` },
  'user-name': { maxLength: 64, pattern: '^[A-Za-z0-9_][A-Za-z0-9._@+-]*$' },
  'password-hash': {
    maxLength: 512,
    rules: [
      {
        rule: `self.matches('^[$](${hashes.join('|')})$')`,
        message: 'must be a hash of the password, whole: argon2id, scrypt, bcrypt, pbkdf2, SHA-512 or SHA-256 crypt',
      },
    ],
  },
  'time-of-day': { maxLength: 5, pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' },
  'time-zone': { maxLength: 64, pattern: '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$' },
  timestamp: {
    maxLength: 64,
    pattern:
      '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$',
  },
}
