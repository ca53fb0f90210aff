/** Passwords and their hashes as text: how long one may be, which formats are understood, and which costs are too high to be let in. */

/** Longest password that is looked at, in bytes of UTF-8; longer ones match nothing. */
export const maxPasswordBytes = 1024

/** A hash whose format, lengths and costs are all within bounds. */
export type ParsedHash =
  | {
      readonly kind: 'argon2'
      readonly variant: 'argon2id' | 'argon2i' | 'argon2d'
      readonly memoryKibibytes: number
      readonly passes: number
      readonly parallelism: number
      readonly salt: Buffer
      readonly hash: Buffer
    }
  | {
      readonly kind: 'scrypt'
      /** Base-2 logarithm of N. */
      readonly logCost: number
      readonly blockSize: number
      readonly parallelism: number
      readonly salt: Buffer
      readonly hash: Buffer
    }
  | {
      readonly kind: 'pbkdf2'
      readonly digest: 'sha256' | 'sha512'
      readonly iterations: number
      readonly salt: Buffer
      readonly hash: Buffer
    }
  | {
      readonly kind: 'bcrypt'
      readonly cost: number
      /** Identifier, cost and salt: what the hash is computed from besides the password. */
      readonly setting: string
      readonly hash: string
    }
  | {
      readonly kind: 'sha-crypt'
      readonly digest: 'sha256' | 'sha512'
      readonly rounds: number
      readonly salt: string
      readonly hash: string
    }

/** Whether the text is a hash that a password can be checked against. Never throws. */
export function isPasswordHash(text: string): boolean {
  return typeof read(text) === 'object'
}

/** The parts of a hash; undefined if `passwordHashProblem` has something to say. Never throws. */
export function parsePasswordHash(text: string): ParsedHash | undefined {
  const parsed = read(text)
  return typeof parsed === 'object' ? parsed : undefined
}

/** What is wrong with a hash, as a phrase that does not repeat the hash; undefined if nothing is. Never throws. */
export function passwordHashProblem(text: string): string | undefined {
  const parsed = read(text)
  return typeof parsed === 'string' ? parsed : undefined
}

const maxTextLength = 512
const maxMemoryBytes = 256 * 1024 * 1024

function read(text: string): ParsedHash | string {
  if (typeof text !== 'string') return 'must be text'
  if (text.length > maxTextLength) return `must have at most ${maxTextLength} characters`
  const [empty, identifier = '', ...fields] = text.split('$')
  if (empty !== '') return unknownFormat
  switch (identifier) {
    case 'argon2id':
    case 'argon2i':
    case 'argon2d':
      return readArgon2(identifier, fields)
    case 'scrypt':
      return readScrypt(fields)
    case 'pbkdf2-sha256':
      return readPbkdf2('sha256', fields)
    case 'pbkdf2-sha512':
      return readPbkdf2('sha512', fields)
    case '2a':
    case '2b':
    case '2y':
      return readBcrypt(identifier, fields)
    case '5':
      return readShaCrypt('sha256', fields)
    case '6':
      return readShaCrypt('sha512', fields)
    default:
      return unknownFormat
  }
}

const unknownFormat =
  'must be an argon2id, scrypt, pbkdf2 (PHC string), bcrypt ($2b$), SHA-512 crypt ($6$) or SHA-256 crypt ($5$) hash'

// The PHC string format; without `v=` a hash is of version 1.0 of Argon2, which differs from that of RFC 9106.
function readArgon2(variant: 'argon2id' | 'argon2i' | 'argon2d', fields: readonly string[]): ParsedHash | string {
  const [version, parameterText = '', saltText = '', hashText = '', ...rest] = fields
  if (version !== 'v=19') return 'must be of version 1.3 of Argon2 (v=19)'
  const parameters = readParameters(parameterText, ['m', 't', 'p'])
  const salt = readBase64(saltText)
  const hash = readBase64(hashText)
  if (rest.length > 0 || !parameters || !salt || !hash) return malformed('$argon2id$v=19$m=…,t=…,p=…$salt$hash')
  const { m = 0, t = 0, p = 0 } = parameters
  if (m * 1024 > maxMemoryBytes) return 'costs too much: m must be at most 262144 (256 MiB)'
  if (t < 1 || t > 16) return 't must be from 1 to 16'
  if (p < 1 || p > 16) return 'p must be from 1 to 16'
  if (m < 8 * p) return 'm must be at least 8 times p' // RFC 9106 section 3.1.
  return (
    lengthProblem(salt, hash, 8) ?? {
      kind: 'argon2',
      variant,
      memoryKibibytes: m,
      passes: t,
      parallelism: p,
      salt,
      hash,
    }
  )
}

function readScrypt(fields: readonly string[]): ParsedHash | string {
  const [parameterText = '', saltText = '', hashText = '', ...rest] = fields
  const parameters = readParameters(parameterText, ['ln', 'r', 'p'])
  const salt = readBase64(saltText)
  const hash = readBase64(hashText)
  if (rest.length > 0 || !parameters || !salt || !hash) return malformed('$scrypt$ln=…,r=…,p=…$salt$hash')
  const { ln = 0, r = 0, p = 0 } = parameters
  if (ln < 1 || ln > 20) return 'ln must be from 1 to 20'
  if (r < 1 || r > 32) return 'r must be from 1 to 32'
  if (p < 1 || p > 16) return 'p must be from 1 to 16'
  // RFC 7914 section 2: 128 * N * r bytes.
  if (128 * r * 2 ** ln > maxMemoryBytes) return 'costs too much: ln and r together must need at most 256 MiB'
  return lengthProblem(salt, hash, 1) ?? { kind: 'scrypt', logCost: ln, blockSize: r, parallelism: p, salt, hash }
}

// The PHC string format names the iterations (`i=29000`), passlib writes the bare number.
function readPbkdf2(digest: 'sha256' | 'sha512', fields: readonly string[]): ParsedHash | string {
  const [parameterText = '', saltText = '', hashText = '', ...rest] = fields
  const parameters = /^\d/.test(parameterText)
    ? readParameters(`i=${parameterText}`, ['i'])
    : (readParameters(parameterText, ['i']) ?? readParameters(parameterText, ['i', 'l']))
  const salt = readBase64(saltText)
  const hash = readBase64(hashText)
  if (rest.length > 0 || !parameters || !salt || !hash) return malformed(`$pbkdf2-${digest}$i=…$salt$hash`)
  const { i = 0, l = hash.length } = parameters
  if (i < 1 || i > 10_000_000) return 'i must be from 1 to 10000000'
  if (l !== hash.length) return 'l must be the length of the hash'
  return lengthProblem(salt, hash, 1) ?? { kind: 'pbkdf2', digest, iterations: i, salt, hash }
}

function readBcrypt(identifier: string, fields: readonly string[]): ParsedHash | string {
  const [costText = '', digits = '', ...rest] = fields
  if (rest.length > 0 || !/^\d\d$/.test(costText) || !/^[./0-9A-Za-z]{53}$/.test(digits)) {
    return malformed(`$${identifier}$cost$ and 53 characters`)
  }
  const cost = Number(costText)
  if (cost < 4 || cost > 16) return 'the cost must be from 04 to 16'
  return { kind: 'bcrypt', cost, setting: `$${identifier}$${costText}$${digits.slice(0, 22)}`, hash: digits.slice(22) }
}

function readShaCrypt(digest: 'sha256' | 'sha512', fields: readonly string[]): ParsedHash | string {
  const given = /^rounds=([1-9]\d{0,8})$/.exec(fields[0] ?? '')?.[1]
  const [salt = '', hash = '', ...rest] = given === undefined ? fields : fields.slice(1)
  const hashLength = digest === 'sha256' ? 43 : 86
  // Printable US-ASCII but for `:`, which ends the field in a shadow file.
  const wellFormed = /^[!-9;-~]{0,16}$/.test(salt) && /^[./0-9A-Za-z]+$/.test(hash) && hash.length === hashLength
  if (rest.length > 0 || !wellFormed) {
    return malformed(`$${digest === 'sha256' ? 5 : 6}$salt$ and ${hashLength} characters`)
  }
  const rounds = given === undefined ? 5000 : Number(given)
  if (rounds < 1000 || rounds > 1_000_000) return 'rounds must be from 1000 to 1000000'
  return { kind: 'sha-crypt', digest, rounds, salt, hash }
}

function malformed(format: string): string {
  return `must have the form ${format}, whole`
}

// A hash that was cut short is one that more passwords match; 16 bytes are the least that any tool writes.
function lengthProblem(salt: Buffer, hash: Buffer, minSaltBytes: number): string | undefined {
  if (salt.length < minSaltBytes || salt.length > 64) return `the salt must have from ${minSaltBytes} to 64 bytes`
  if (hash.length < 16 || hash.length > 64) return 'the hash must have from 16 to 64 bytes'
  return undefined
}

/** `a=1,b=2` with exactly these names, in any order. */
function readParameters(text: string, names: readonly string[]): Readonly<Record<string, number>> | undefined {
  const values: Record<string, number> = {}
  for (const item of text.split(',')) {
    const [, name, digits] = /^([a-z]{1,2})=(0|[1-9]\d{0,9})$/.exec(item) ?? []
    if (name === undefined || !names.includes(name) || name in values) return undefined
    values[name] = Number(digits)
  }
  return Object.keys(values).length === names.length ? values : undefined
}

/** Base64 without line breaks, padded or not, also with `.` for `+` as passlib writes it. Undefined if it is not exactly that. */
function readBase64(text: string): Buffer | undefined {
  if (!exactBase64.test(text)) return undefined
  return Buffer.from(text.includes('.') ? text.replaceAll('.', '+') : text, 'base64')
}

/** A text that was cut or mistyped leaves a remainder that no encoder writes: what is left of the last digit must be zero. */
const exactBase64 = /^(?=[^=])(?:[+./\dA-Za-z]{4})*(?:[+./\dA-Za-z](?:[AQgw]|[+./\dA-Za-z][AEIMQUYcgkosw048]))?={0,2}$/
