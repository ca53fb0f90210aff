/** The password before this one: it counts until it expires, and nobody learns from the time who has one. */
import { Value } from 'typebox/value'
import { afterAll, expect, test } from 'vitest'
import type { Configuration, Credential, User } from '../config/configuration.ts'
import { serverSchema } from '../config/schema.ts'
import { createAuthenticator, type LoginAttempt } from './authenticator.ts'
import { createPasswordVerifier, type PasswordVerifier } from './password.ts'

const now = Date.parse('2030-01-01T00:00:00Z')
const soon = now + 60_000
const old = 'correct horse bätterie'
// Of `old`.
const hashOfOld = '$argon2id$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$alaI/a6tcei9s+ztBcPkplaJFTi54alxGme2RS5Xe8o'
const verifier = createPasswordVerifier()
afterAll(() => verifier.close())

function user(name: string, credential: Credential, rest: Partial<User> = {}): User {
  return {
    name,
    credential,
    home: '/',
    permissions: new Set(),
    paths: [],
    limits: {},
    allowedNetworks: [],
    tls: 'optional',
    disabled: false,
    expires: undefined,
    ...rest,
  }
}

const previous = { credential: { kind: 'password-hash', hash: hashOfOld }, expires: soon } as const
const alice = user('alice', { kind: 'password', password: 'new' }, { previous })
const bob = user('bob', { kind: 'password-hash', hash: hashOfOld })
const card = user('card', { kind: 'certificate', field: 'commonName', value: 'Card' })
const off = user('off', { kind: 'password-hash', hash: hashOfOld }, { disabled: true })

function configuration(...users: readonly User[]): Configuration {
  const server = Value.Parse(serverSchema, Value.Default(serverSchema, {}))
  return {
    hash: '',
    server,
    users: new Map(users.map(one => [one.name, one])),
    certificate: undefined,
    hosts: new Map(),
  }
}

function attempt(name: string, password: string): LoginAttempt {
  return { name, password, address: '192.0.2.7', protection: 'clear', place: undefined, clientCertificate: undefined }
}

test.each([
  ['the new password', 'new', now, true],
  ['the old one, a moment before it expires', old, soon - 1, true],
  ['the old one, once it has expired', old, soon, false],
  ['the new one after that', 'new', soon, true],
  ['another', 'other', now, false],
] as const)('with %s the login is: %s at %s: %s', async (_, password, when, accepted) => {
  const result = await createAuthenticator(verifier).authenticate(
    attempt('alice', password),
    configuration(alice),
    when,
  )
  expect(result).toEqual(
    accepted ? { accepted, user: alice, method: 'password' } : { accepted, reason: 'wrong-password' },
  )
})

test('what refuses a login refuses it with the old password too', async () => {
  const disabled = configuration({ ...alice, disabled: true })
  expect(await createAuthenticator(verifier).authenticate(attempt('alice', old), disabled, now)).toEqual({
    accepted: false,
    reason: 'disabled',
  })
})

/** How many hashes an attempt costs. */
async function costOf(name: string, password: string, all: Configuration, when = now): Promise<number> {
  let hashes = 0
  const counted: PasswordVerifier = {
    ...verifier,
    verify: (credential, given) => {
      if (credential.kind === 'password-hash') hashes += 1
      return verifier.verify(credential, given)
    },
    verifyDummy: (given, like) => {
      hashes += 1
      return verifier.verifyDummy(given, like)
    },
  }
  await createAuthenticator(counted).authenticate(attempt(name, password), all, when)
  return hashes
}

test.each([
  ['the new password', 'alice', 'new'],
  ['the old password', 'alice', old],
  ['a wrong password', 'alice', 'wrong'],
  ['a user with one password', 'bob', 'wrong'],
  ['the right password of a user with one', 'bob', old],
  ['an unknown user', 'nobody', 'wrong'],
  ['a user with a certificate', 'card', 'wrong'],
  ['the right password of a disabled user', 'off', old],
])('while somebody has two passwords, %s costs two hashes, and one afterwards', async (_, name, password) => {
  const all = configuration(alice, bob, card, off)
  expect(await costOf(name, password, all)).toBe(2)
  expect(await costOf(name, password, all, soon)).toBe(1)
})

test('where nobody ever had two passwords, one hash is all', async () => {
  expect(await costOf('bob', 'wrong', configuration(bob))).toBe(1)
})
