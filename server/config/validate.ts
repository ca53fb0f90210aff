/** Values as they were read, against the schema: every mistake at once, in plain words. */
import type { ErrorObject, ValidateFunction } from 'ajv'
import { type CheckedSchema, checkedSchemas } from './checked-schemas.ts'
import { formats, wordsFor } from './formats.ts'
import { sourcePattern, urlPattern } from './schema/events.ts'
import { namePattern } from './schema/names.ts'
import type { RemovedHomes } from './schema/removed-homes.ts'
import type { UserEntry } from './schema/user.ts'
import type { ServerConfiguration } from './schema.ts'
import { schemaChecks } from './schema-checks.ts'

/** One thing that is not as it must be; the path is relative to the value that was checked. */
export type Violation = { readonly path: string; readonly message: string }

export type Validated<Value> =
  | { readonly valid: true; readonly value: Value }
  | { readonly valid: false; readonly violations: readonly Violation[] }

/** `server.yaml`. Fills in the defaults, in the value itself. */
export const validateServer = validator<ServerConfiguration>('server')

/** One entry of a list of users. */
export const validateUser = validator<UserEntry>('user')

/** A list of users without a look into its entries. */
export const validateUserList = validator<{ readonly users: readonly unknown[] }>('userList')

/** The order to remove homes. */
export const validateRemovedHomes = validator<RemovedHomes>('removedHomes')

/** A key below a path: `users[3].home`. Of keys that are no plain words only the beginning that is one is told. */
export function childPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  const word = /^(?:[A-Za-z_][A-Za-z0-9_-]{0,39})?/.exec(key)?.[0] ?? ''
  // `{ passwordHash:$2b$… }` lacks a space: all of it is a key to YAML, and a secret to us.
  if (word === '' || word !== key) return `${path}["${word}…"]`
  return path === '' ? key : `${path}.${key}`
}

// A file of nothing but mistakes must not fill the log and the status page.
const maxViolations = 50

function validator<Value>(name: CheckedSchema): (value: unknown) => Validated<Value> {
  const schema = checkedSchemas[name]
  const validate = schemaChecks[name] as ValidateFunction<Value>
  return value => {
    if (validate(value)) return { valid: true, value }
    // Of alternatives only the sum is told: what one of them misses may be what another has.
    const errors = (validate.errors ?? []).filter(({ schemaPath }) => !/\/anyOf\/\d/.test(schemaPath))
    const violations = errors.map(error => violation(error, schema))
    // Type and range of one value are one sentence, which several keywords lead to.
    const distinct = [...new Map(violations.map(each => [`${each.path}\n${each.message}`, each])).values()]
    const shown = distinct.slice(0, maxViolations)
    const rest = distinct.length - shown.length
    if (rest > 0)
      shown.push({ path: '', message: `has ${rest} further mistakes, which are not listed; mend these first` })
    return { valid: false, violations: shown }
  }
}

type Shape = {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly properties?: Readonly<Record<string, Shape>>
  readonly anyOf?: readonly Shape[]
}

function violation(error: ErrorObject, root: object): Violation {
  const path = readablePath(error.instancePath, root)
  const shape = (error.parentSchema ?? {}) as Shape
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params['additionalProperty'])
    return { path: childPath(path, key), message: unknownKey(key, Object.keys(shape.properties ?? {})) }
  }
  if (error.keyword === 'required') {
    const key = String(error.params['missingProperty'])
    return {
      path: childPath(path, key),
      message: `is missing; it must be ${describeShape(shape.properties?.[key] ?? {})}`,
    }
  }
  if (shape.format !== undefined && typeof error.data === 'string') {
    return { path, message: `must be ${wordsFor(shape.format, error.data)}` }
  }
  const quotes = shape.type === 'string' && ['number', 'boolean'].includes(typeof error.data) ? ', in quotes' : ''
  return { path, message: `must be ${describeShape(shape)}${quotes}` }
}

/** Whether a part of a JSON pointer is a list's index is told by the schema: `users/3` may be a key as well. */
function readablePath(pointer: string, root: object): string {
  let path = ''
  let shape: unknown = root
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const { type, items, properties } = shape as {
      type?: string
      items?: unknown
      properties?: Record<string, unknown>
    }
    path = childPath(path, type === 'array' ? Number(key) : key)
    shape = (type === 'array' ? items : properties?.[key]) ?? {}
  }
  return path
}

/** What a value must be, in words. */
export function describeShape(shape: Shape): string {
  if (shape.anyOf !== undefined) return shape.anyOf.map(describeShape).join(', or ')
  if (shape.enum !== undefined) {
    const values = shape.enum.map(value => `\`${value}\``)
    return values.length === 1 ? values.join() : `one of ${values.slice(0, -1).join(', ')} and ${values.at(-1)}`
  }
  if (shape.type === 'integer') return `a whole number${range(shape.minimum, shape.maximum, '')}`
  if (shape.type === 'boolean') return '`true` or `false`'
  if (shape.type === 'array') {
    const distinct = shape.uniqueItems === true ? ', none of them twice' : ''
    return `a list${range(shape.minItems, shape.maxItems, ' entries')}${distinct}`
  }
  if (shape.type === 'object') {
    return `a mapping with the keys ${Object.keys(shape.properties ?? {})
      .map(key => `\`${key}\``)
      .join(', ')}`
  }
  const format = shape.format === undefined ? undefined : formats[shape.format]
  if (format !== undefined) return format.words
  const pattern = shape.pattern === undefined ? undefined : patternWords[shape.pattern]
  if (pattern !== undefined) return pattern
  return `text${range(shape.minLength, shape.maxLength, ' characters')}`
}

const patternWords: Readonly<Record<string, string>> = {
  [namePattern]: 'a pattern of 1 to 255 characters for one name, without `/`, such as `*.key`',
  [urlPattern]: 'a URL of `http` or `https`, without user and password, such as `https://events.example.com/ftp`',
  [sourcePattern]: 'a URI or a part of one, without spaces, such as `/servers/ftp-1`',
  '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$':
    '1 to 63 lower-case letters, digits and `-`, starting and ending with a letter or digit',
  '^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$': 'a name of letters, digits, `.`, `_` and `-`',
  '^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$': 'a SHA-256 fingerprint: 32 pairs of hexadecimal digits joined by `:`',
}

function range(from: number | undefined, to: number | undefined, unit: string): string {
  if (from !== undefined && to !== undefined) return `${unit === '' ? ' from' : ' of'} ${from} to ${to}${unit}`
  if (to !== undefined) return ` of at most ${to}${unit}`
  return from === undefined ? '' : ` of at least ${from}${unit}`
}

function unknownKey(key: string, known: readonly string[]): string {
  if (key === 'password' && known.includes('passwordHash')) {
    return 'must not be here in clear: run `npm run hash-password` (in the image: `hash-password`) and put its output under `passwordHash`'
  }
  const words = key.slice(0, 64).toLowerCase()
  const nearest = known
    .map(name => ({ name, distance: editDistance(words, name.toLowerCase()) }))
    .toSorted((one, other) => one.distance - other.distance)[0]
  if (nearest !== undefined && nearest.distance <= Math.max(1, Math.floor(nearest.name.length / 3))) {
    return `is not a known key; it must be \`${nearest.name}\`, if that is meant`
  }
  return `is not a known key; it must be one of ${known.map(name => `\`${name}\``).join(', ')}`
}

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
