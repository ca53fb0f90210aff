import { Value } from 'typebox/value'
import { afterAll, describe, expect, test } from 'vitest'
import type { Configuration, Credential, User } from '../config/configuration.ts'
import { parseNetwork } from '../config/network.ts'
import { serverSchema } from '../config/schema.ts'
import {
  certificateUser,
  createAuthenticator,
  currentUser,
  type LoginAttempt,
  type Situation,
  whyNotAllowed,
} from './authenticator.ts'
import { createPasswordVerifier, type PasswordVerifier } from './password.ts'

const now = Date.parse('2030-01-01T00:00:00Z')
const fingerprint = Array(32).fill('AB').join(':')
const password = 'correct horse bätterie'
const cheapArgon2 = '$argon2id$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$alaI/a6tcei9s+ztBcPkplaJFTi54alxGme2RS5Xe8o'
const cheapBcrypt = '$2a$04$abcdefghijklmnopqrstuuRQvSniYf6vNACkgvVNE7xAbT714/lBu'
const hash: Credential = { kind: 'password-hash', hash: cheapArgon2 }

function user(name: string, changes: Partial<User> = {}): User {
  return {
    name,
    credential: hash,
    home: `/${name}`,
    permissions: new Set(['list']),
    paths: [],
    limits: {},
    allowedNetworks: [],
    tls: 'optional',
    disabled: false,
    expires: undefined,
    ...changes,
  }
}

function networks(...texts: readonly string[]) {
  return texts.map(text => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(`${text} is no network`)
    return network
  })
}

function configuration(users: readonly User[], anonymous: object = {}): Configuration {
  const server = Value.Parse(serverSchema, Value.Default(serverSchema, { anonymous }))
  return {
    hash: '',
    server,
    users: new Map(users.map(one => [one.name, one])),
    certificate: undefined,
    hosts: new Map(),
  }
}

const situation: Situation = { address: '192.0.2.7', protection: 'clear', place: undefined, now }

function host(users: 'all' | 'own') {
  return { name: 'a.example', users, root: '/', banner: '', welcome: undefined, certificate: undefined }
}

const entry = { timeZone: 'UTC', windows: [] }

describe('Whether a user is allowed', () => {
  const lan = networks('192.0.2.0/24', '2001:db8::/32')
  test.each([
    ['anybody', {}, {}, undefined],
    ['who is disabled', { disabled: true }, {}, 'disabled'],
    ['who expires later', { expires: now + 1 }, {}, undefined],
    ['who expires now', { expires: now }, {}, 'expired'],
    ['who expired', { expires: now - 1 }, {}, 'expired'],
    ['from an allowed network', { allowedNetworks: lan }, {}, undefined],
    ['from an allowed IPv6 network', { allowedNetworks: lan }, { address: '2001:db8::1' }, undefined],
    ['mapped into IPv6', { allowedNetworks: lan }, { address: '::ffff:192.0.2.9' }, undefined],
    ['from elsewhere', { allowedNetworks: lan }, { address: '192.0.3.1' }, 'network-not-allowed'],
    ['from elsewhere over IPv6', { allowedNetworks: lan }, { address: '2001:db9::1' }, 'network-not-allowed'],
    ['without the TLS they need', { tls: 'required' }, {}, 'tls-required'],
    ['with the TLS they need', { tls: 'required' }, { protection: 'tls' }, undefined],
    ['whose TLS was cleared by CCC', { tls: 'required' }, { protection: 'cleared' }, undefined],
    ['of no host, at one that takes all', {}, { place: host('all') }, undefined],
    ['of no host, at one that takes its own', {}, { place: host('own') }, 'host-not-allowed'],
    ['of the host', { hosts: ['b.example', 'a.example'] }, { place: host('own') }, undefined],
    ['of the host, elsewhere', { hosts: ['a.example'] }, {}, 'host-not-allowed'],
    ['of another host', { hosts: ['b.example'] }, { place: host('all') }, 'host-not-allowed'],
    ['in a time window', { schedule: { entry, isOpen: (time: number) => time === now } }, {}, undefined],
    [
      'outside of all time windows',
      { schedule: { entry, isOpen: (time: number) => time !== now } },
      {},
      'outside-schedule',
    ],
    ['at a host that is gone', {}, { place: 'removed' }, 'host-not-allowed'],
  ] as const)('%s', (_, changes, where, expected) => {
    expect(whyNotAllowed(user('alice', changes), { ...situation, ...where })).toBe(expected)
  })
})

describe('A client certificate', () => {
  const byName = user('alice', { credential: { kind: 'certificate', field: 'commonName', value: 'Alice' } })
  const byPrint = user('bob', { credential: { kind: 'certificate', field: 'fingerprint', value: fingerprint } })
  const all = configuration([byName, byPrint, user('carol'), { ...byName, name: 'dave', disabled: true }])
  const certificate = { commonName: 'Alice', fingerprint: fingerprint.toLowerCase() }

  test('logs in the user with its common name, or with its fingerprint in any case', () => {
    expect(certificateUser('alice', certificate, all, situation)).toBe(byName)
    expect(certificateUser('bob', certificate, all, situation)).toBe(byPrint)
  })
  test('logs in nobody else', () => {
    expect(certificateUser('alice', { ...certificate, commonName: 'alice' }, all, situation)).toBeUndefined()
    expect(certificateUser('bob', { ...certificate, fingerprint: 'CD' }, all, situation)).toBeUndefined()
    expect(certificateUser('alice', undefined, all, situation)).toBeUndefined()
    expect(certificateUser('carol', certificate, all, situation)).toBeUndefined()
    expect(certificateUser('nobody', certificate, all, situation)).toBeUndefined()
  })
  test('logs in nobody who is not allowed', () => {
    expect(certificateUser('dave', certificate, all, situation)).toBeUndefined()
  })
})

describe('A user with a password and a certificate', () => {
  const value = { kind: 'certificate', field: 'commonName', value: 'Alice' } as const
  const all = configuration([user('alice', { certificate: value })])
  const certificate = { commonName: 'Alice', fingerprint }
  test.each([
    ['both', password, certificate, { accepted: true, method: 'password' }],
    ['the password alone', password, undefined, { accepted: false, reason: 'certificate-required' }],
    ['the password and another certificate', password, { ...certificate, commonName: 'Bob' }, { accepted: false }],
    ['the certificate alone', 'wrong', certificate, { accepted: false, reason: 'wrong-password' }],
  ])('logs in with both: %s', async (_, given, clientCertificate, expected) => {
    expect(await authenticate(attempt('alice', given, { clientCertificate }), all, now)).toMatchObject(expected)
  })
  test('is not logged in by the certificate at USER', () => {
    expect(certificateUser('alice', certificate, all, situation)).toBeUndefined()
  })
})

describe('After a reload', () => {
  test('a user is who has the name now', () => {
    const after = user('alice', { home: '/new' })
    expect(currentUser(user('alice'), configuration([after]))).toBe(after)
    expect(currentUser(user('alice'), configuration([user('bob')]))).toBeUndefined()
  })
  test('an anonymous user is what anonymous users are now, and never a configured user', async () => {
    const guest = user('anonymous', { credential: { kind: 'any-password' } })
    const open = configuration([], { enabled: true, home: '/pub', role: 'upload-only' })
    expect(currentUser(guest, open)).toMatchObject({ home: '/pub', permissions: new Set(['upload', 'mkdir']) })
    expect(currentUser(guest, configuration([], { enabled: false }))).toBeUndefined()
    expect(currentUser(guest, configuration([user('anonymous')]))).toBeUndefined()
  })
  test('a configured user who is gone does not become anonymous', () => {
    expect(currentUser(user('ftp'), configuration([], { enabled: true }))).toBeUndefined()
  })
})

const verifier = createPasswordVerifier()
afterAll(() => verifier.close())
const ours = createAuthenticator(verifier)
const authenticate = (given: LoginAttempt, all: Configuration, when: number) => ours.authenticate(given, all, when)

function attempt(name: string, given: string, changes: Partial<LoginAttempt> = {}): LoginAttempt {
  const where = { address: '192.0.2.7', protection: 'clear', place: undefined, clientCertificate: undefined } as const
  return { name, password: given, ...where, ...changes }
}

describe('A login', () => {
  const alice = user('alice')
  const file = user('file', { credential: { kind: 'password', password } })
  const card = user('card', { credential: { kind: 'certificate', field: 'commonName', value: 'Card' } })
  const all = configuration([
    alice,
    user('bob', { credential: { kind: 'password-hash', hash: cheapBcrypt } }),
    file,
    card,
    user('disabled', { disabled: true }),
    user('expired', { expires: now }),
    user('elsewhere', { allowedNetworks: networks('10.0.0.0/8') }),
    user('secure', { tls: 'required' }),
    user('broken', { credential: { kind: 'password-hash', hash: 'nonsense' } }),
  ])
  const certificate = { commonName: 'Card', fingerprint }

  test('with the right password is accepted', async () => {
    expect(await authenticate(attempt('alice', password), all, now)).toEqual({
      accepted: true,
      user: alice,
      method: 'password',
    })
    expect(await authenticate(attempt('bob', password), all, now)).toMatchObject({ accepted: true })
    expect(await authenticate(attempt('file', password), all, now)).toMatchObject({ accepted: true, user: file })
    expect(await authenticate(attempt('secure', password, { protection: 'tls' }), all, now)).toMatchObject({
      accepted: true,
    })
  })
  test('of a user with a certificate is accepted for it, whatever the password', async () => {
    expect(await authenticate(attempt('card', '', { clientCertificate: certificate }), all, now)).toEqual({
      accepted: true,
      user: card,
      method: 'certificate',
    })
  })
  test.each([
    ['alice', 'wrong', 'wrong-password'],
    ['alice', '', 'wrong-password'],
    ['bob', 'wrong', 'wrong-password'],
    ['file', 'wrong', 'wrong-password'],
    ['broken', 'nonsense', 'wrong-password'],
    ['nobody', password, 'unknown-user'],
    ['Alice', password, 'unknown-user'],
    ['__proto__', password, 'unknown-user'],
    ['anonymous', 'me@', 'unknown-user'],
    ['card', password, 'certificate-required'],
    ['disabled', password, 'disabled'],
    ['expired', password, 'expired'],
    ['elsewhere', password, 'network-not-allowed'],
    ['secure', password, 'tls-required'],
    ['disabled', 'wrong', 'wrong-password'],
    ['secure', 'wrong', 'wrong-password'],
  ])('of %s with the password %j is refused: %s', async (name, given, reason) => {
    expect(await authenticate(attempt(name, given), all, now)).toEqual({ accepted: false, reason })
  })
})

describe('An anonymous login', () => {
  const open = configuration([], { enabled: true, home: '/pub' })

  test.each(['anonymous', 'ftp'])('as %s is accepted with any password, to read only', async name => {
    expect(await authenticate(attempt(name, ''), open, now)).toMatchObject({
      accepted: true,
      method: 'anonymous',
      user: { name: 'anonymous', home: '/pub', permissions: new Set(['list', 'download']) },
    })
  })
  test('has the permissions that are configured', async () => {
    const words = configuration([], { enabled: true, permissions: ['upload'] })
    expect(await authenticate(attempt('ftp', ''), words, now)).toMatchObject({
      user: { permissions: new Set(['upload']) },
    })
  })
  test('is none where a user of that name is configured', async () => {
    const named = configuration([user('ftp')], { enabled: true })
    expect(await authenticate(attempt('ftp', ''), named, now)).toEqual({ accepted: false, reason: 'wrong-password' })
    expect(await authenticate(attempt('ftp', password), named, now)).toMatchObject({ method: 'password' })
  })
})

describe('The cost of an answer', () => {
  /** The verifier, with a note of the hash that each answer cost. */
  function counting() {
    const costs: string[] = []
    const note = (credential: Credential | undefined) =>
      costs.push(credential?.kind === 'password-hash' ? credential.hash : 'default')
    const counted: PasswordVerifier = {
      ...verifier,
      verify: (credential, given) => {
        if (credential.kind === 'password-hash') note(credential)
        return verifier.verify(credential, given)
      },
      verifyDummy: (given, like) => {
        note(like)
        return verifier.verifyDummy(given, like)
      },
    }
    return { costs, authenticator: createAuthenticator(counted) }
  }
  const odd = user('odd', { credential: { kind: 'password-hash', hash: cheapBcrypt } })
  const file = user('file', { credential: { kind: 'password', password } })
  const card = user('card', { credential: { kind: 'certificate', field: 'commonName', value: 'x' } })
  const previous = { credential: hash, expires: now }
  const many = configuration([
    ...[odd, file, card, user('alice'), user('off', { disabled: true })],
    user('over', { expires: now }),
    user('late', { schedule: { entry, isOpen: () => false } }),
    user('guest', { hosts: ['a.example'] }),
    user('elsewhere', { allowedNetworks: networks('10.0.0.0/8') }),
    user('secure', { tls: 'required' }),
    user('coded', { totpSecret: 'ABCDEFGHIJKLMNOPQRSTUVWX' }),
    user('holder', { certificate: { kind: 'certificate', field: 'commonName', value: 'x' } }),
    user('changed', { previous }),
  ])

  test.each([
    ['a known user', 'alice', 'wrong'],
    ['the right password', 'alice', password],
    ['an unknown user', 'nobody', 'wrong'],
    ['a disabled user', 'off', password],
    ['a password from a file', 'file', password],
    ['a wrong password for one from a file', 'file', 'wrong'],
    ['a user with a certificate', 'card', 'wrong'],
    ['a certificate that is missing', 'holder', password],
    ['one that is missing as well', 'holder', 'wrong'],
    ['a user who has expired', 'over', password],
    ['a user at the wrong time', 'late', password],
    ['the wrong password at the wrong time', 'late', 'wrong'],
    ['a user of a host', 'guest', password],
    ['a user from elsewhere', 'elsewhere', password],
    ['a user who needs TLS', 'secure', password],
    ['a code that is missing', 'coded', password],
    ['a wrong code', 'coded', `${password}000000`],
    ['a wrong password and a wrong code', 'coded', 'wrong000000'],
    ['a wrong password without a code', 'coded', 'wrong'],
    ['an unknown user with what may be a code', 'nobody', 'wrong000000'],
    ['a previous password that counts no more', 'changed', 'wrong'],
  ])('for %s is one hash as most users have it', async (_, name, given) => {
    const { costs, authenticator } = counting()
    await authenticator.authenticate(attempt(name, given), many, now)
    expect(costs).toEqual([cheapArgon2])
  })
  test('is that of the default where no user has a hash', async () => {
    const { costs, authenticator } = counting()
    await authenticator.authenticate(attempt('nobody', 'wrong'), configuration([file]), now)
    await authenticator.authenticate(attempt('file', password), configuration([file]), now)
    expect(costs).toEqual(['default', 'default'])
  })
})

test('Without room for another check, known and unknown users get the same answer', async () => {
  const closed = createPasswordVerifier()
  await closed.close()
  const authenticator = createAuthenticator(closed)
  const all = configuration([user('alice'), user('file', { credential: { kind: 'password', password } })])
  for (const name of ['alice', 'file', 'nobody']) {
    expect(await authenticator.authenticate(attempt(name, password), all, now)).toEqual({
      accepted: false,
      reason: 'overloaded',
    })
  }
})
