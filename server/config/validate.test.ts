import { expect, test } from 'vitest'
import { userListSchema } from './schema/user.ts'
import { serverSchema } from './schema.ts'
import { childPath, describeShape, validateServer, validateUser } from './validate.ts'

test('an empty configuration is filled with all defaults, however deep', () => {
  const result = validateServer({})
  expect(result).toMatchObject({
    valid: true,
    value: {
      listeners: [{ name: 'ftp', port: 2121, addresses: ['::'], tls: 'explicit' }],
      passive: { ports: { first: 20_000, last: 20_099 }, advertisedAddress: 'auto', advertisedPorts: [] },
      limits: { idleTimeoutSeconds: 300 },
      tls: { clientCertificates: 'off' },
      probes: { port: 8080, addresses: ['::'] },
    },
  })
})

test('defaults fill what a section leaves out, and are not shared between two configurations', () => {
  const one = validateServer({ passive: { ports: { first: 31_000, last: 31_001 } } })
  const other = validateServer({})
  if (!one.valid || !other.valid) throw new Error('both are valid')
  expect(one.value.passive.ports).toEqual({ first: 31_000, last: 31_001 })
  expect(one.value.passive.peerCheck).toBe('same-address')
  expect(one.value.listeners).toEqual(other.value.listeners)
  expect(one.value.listeners).not.toBe(other.value.listeners)
})

test('all mistakes are told at once, one sentence for each place', () => {
  const result = validateServer({ listeners: [{ name: 'Ftp', port: 0, tls: 3 }], probes: [], bannner: '' })
  expect(result.valid ? [] : result.violations).toEqual([
    { path: 'bannner', message: 'is not a known key; it must be `banner`, if that is meant' },
    {
      path: 'listeners[0].name',
      message: 'must be 1 to 63 lower-case letters, digits and `-`, starting and ending with a letter or digit',
    },
    { path: 'listeners[0].port', message: 'must be a whole number from 1 to 65535' },
    {
      path: 'listeners[0].tls',
      message: 'must be one of `disabled`, `explicit`, `required` and `implicit`, in quotes',
    },
    { path: 'probes', message: 'must be a mapping with the keys `enabled`, `port`, `addresses`, `user`' },
  ])
})

test('no value is repeated in a message, for it may be a secret', () => {
  const secret = 'hunter2-hunter2'
  const result = validateUser({
    name: secret.repeat(9),
    passwordHash: secret,
    home: secret,
    password: secret,
    tls: secret,
  })
  expect(result.valid).toBe(false)
  expect(JSON.stringify(result)).not.toContain(secret)
})

test('a clear password is refused with the command that hashes it', () => {
  const result = validateUser({ name: 'alice', password: 'secret' })
  const message = result.valid ? '' : result.violations.find(({ path }) => path === 'password')?.message
  expect(message).toContain('`npm run hash-password`')
  expect(message).toContain('`passwordHash`')
})

test('a file of nothing but mistakes is told about in a bounded number of sentences', () => {
  const result = validateServer(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, index])))
  const violations = result.valid ? [] : result.violations
  expect(violations).toHaveLength(51)
  expect(violations.at(-1)?.message).toContain('450 further mistakes')
})

test('what is no mapping at all is refused', () => {
  for (const value of [null, [], 'text', 7, true]) expect(validateServer(value).valid).toBe(false)
})

test('keys that are no plain words are quoted and cut in a path', () => {
  expect(childPath('a', 'b')).toBe('a.b')
  expect(childPath('', 'b')).toBe('b')
  expect(childPath('users', 3)).toBe('users[3]')
  expect(childPath('a', 'b.c\n')).toBe('a["b…"]')
  expect(childPath('a', 'passwordHash:$2b$12$secret')).toBe('a["passwordHash…"]')
  expect(childPath('a', '$2b$12$secret')).toBe('a["…"]')
  expect(childPath('a', 'x'.repeat(1000)).length).toBeLessThan(80)
})

test('every place of the schema has words of its own, and no regular expression among them', () => {
  const shapes: unknown[] = [serverSchema, userListSchema]
  for (const shape of shapes) {
    const { type, items, properties, pattern, format } = shape as {
      type: string
      items?: unknown
      properties?: Record<string, unknown>
      pattern?: string
      format?: string
    }
    const words = describeShape({ type, ...(shape as object) })
    expect(words).not.toBe('')
    expect(words).not.toContain('^')
    expect(words.startsWith('text') && (pattern ?? format) !== undefined).toBe(false)
    if (items !== undefined) shapes.push(items)
    shapes.push(...Object.values(properties ?? {}))
  }
  expect(shapes.length).toBeGreaterThan(60)
})

test.each([
  [0, false],
  [1, true],
  [64, true],
  [65, false],
  [1.5, false],
  ['auto', true],
  ['Auto', false],
  ['2', false],
])('workers: %j is taken: %j, and what it must be is one sentence', (workers, valid) => {
  const result = validateServer({ workers })
  expect(result.valid).toBe(valid)
  const message = 'must be a whole number from 1 to 64, or `auto`'
  if (!result.valid) expect(result.violations).toEqual([{ path: 'workers', message }])
})
