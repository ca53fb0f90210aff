import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { configMap, ftpServer, passwordHash, secret } from '../../test/operator/samples.ts'
import type { Source } from '../observation/observation.ts'
import { aggregateUsers, originOf, shardBytes } from './user-files.ts'

function aggregate(spec: string, sources: readonly Source[], previous: readonly ReadonlySet<string>[] = []) {
  return aggregateUsers(ftpServer(`{ storage: { emptyDir: {} }, ${spec} }`), sources, new Map(), previous)
}

function files({ shards }: ReturnType<typeof aggregate>): Record<string, string> {
  return Object.fromEntries(
    shards.flatMap(shard => [...shard].map(([key, bytes]) => [key, Buffer.from(bytes).toString()])),
  )
}

test('a password from a Secret goes into a file of its own, as it is', () => {
  const made = files(
    aggregate(`users: [{ name: a_b@c, passwordSecretRef: { name: s } }]`, [secret('s', { password: 'horse\n' })]),
  )
  const key = '00-inline.a_5fb_40c.password'
  expect(made[key]).toBe('horse\n')
  expect(parse(made['00-inline.yaml'] ?? '')).toEqual({ users: [{ name: 'a_b@c', passwordFile: key }] })
})

test('the secret of one-time codes goes into a file beside the list; without it the user is left out', () => {
  const written = `users: [{ name: a, passwordHash: '${passwordHash}', totpSecretRef: { name: s } }]`
  const made = files(aggregate(written, [secret('s', { totp: 'GEZDGNBVGY3TQOJQ' })]))
  expect(made['00-inline.a.totp']).toBe('GEZDGNBVGY3TQOJQ')
  const user = { name: 'a', passwordHash, totp: { secretFile: '00-inline.a.totp' } }
  expect(parse(made['00-inline.yaml'] ?? '')).toEqual({ users: [user] })
  const without = aggregate(written, [])
  expect(files(without)).toEqual({})
  expect(without.problems).toMatchObject([{ source: 'spec.users[a]', reason: 'SecretNotFound' }])
})

test('a previous password from a Secret is in a file of its own, and a user without it is left out', () => {
  const written = `users: [{ name: a, passwordHash: '${passwordHash}', previousPassword: { passwordSecretRef: { name: s, key: old }, expires: '2030-01-31' } }]`
  const made = files(aggregate(written, [secret('s', { old: 'battery' })]))
  expect(made['00-inline.a.previous']).toBe('battery')
  const previousPassword = { passwordFile: '00-inline.a.previous', expires: '2030-01-31' }
  expect(parse(made['00-inline.yaml'] ?? '')).toEqual({ users: [{ name: 'a', passwordHash, previousPassword }] })
  expect(aggregate(written, [secret('s', {})]).problems).toEqual([
    { source: 'spec.users[a]', reason: 'KeyNotFound', message: expect.stringContaining('key old of Secret s') },
  ])
})

test('a user whose password is missing is left out, and the others stay', () => {
  const made = aggregate(
    `users: [{ name: a, passwordSecretRef: { name: gone } }, { name: b, passwordSecretRef: { name: s, key: k } }, { name: e, passwordSecretRef: { name: s, key: empty } }, { name: c, passwordHash: '${passwordHash}' }]`,
    [secret('s', { password: 'horse', empty: '' })],
  )
  expect(parse(files(made)['00-inline.yaml'] ?? '')).toEqual({ users: [{ name: 'c', passwordHash }] })
  expect(made.problems).toEqual([
    { source: 'spec.users[a]', reason: 'SecretNotFound', message: expect.stringContaining('Secret gone') },
    { source: 'spec.users[b]', reason: 'KeyNotFound', message: expect.stringContaining('key k of Secret s') },
    { source: 'spec.users[e]', reason: 'InvalidPassword', message: expect.not.stringContaining('horse') },
  ])
})

test('sources keep their order, those of a selector are in the order of their names, and inline users come first', () => {
  const made = aggregate(
    `users: [{ name: a, passwordHash: '${passwordHash}' }], usersFrom: [{ configMapRef: { name: z } }, { secretSelector: { matchLabels: { ftp: x } } }]`,
    [
      configMap('z', { 'z.htpasswd': 'a:b' }),
      secret('n', { 'n.yaml': '' }, { ftp: 'x' }),
      secret('m', { 'b.json': '{}', 'a.yml': '' }, { ftp: 'x' }),
    ],
  )
  expect(Object.keys(files(made))).toEqual([
    '00-inline.yaml',
    '01-configmap_z_z.htpasswd',
    '02-secret_m_a.yml',
    '02-secret_m_b.json',
    '02-secret_n_n.yaml',
  ])
})

test('a list that two entries lead to is there once', () => {
  const made = aggregate(`usersFrom: [{ secretRef: { name: s } }, { secretSelector: { matchLabels: { ftp: x } } }]`, [
    secret('s', { 'users.yaml': '' }, { ftp: 'x' }),
  ])
  expect(Object.keys(files(made))).toEqual(['01-secret_s_users.yaml'])
})

test.each([
  ['a Secret that is missing', '{ secretRef: { name: gone } }', 'SecretNotFound'],
  ['a ConfigMap that is missing', '{ configMapRef: { name: gone } }', 'ConfigMapNotFound'],
  ['a key that is missing', '{ secretRef: { name: s, key: gone.yaml } }', 'KeyNotFound'],
  ['a key that is no list', '{ secretRef: { name: s, key: note } }', 'KeyUnusable'],
  ['an object without any list', '{ configMapRef: { name: empty } }', 'KeyNotFound'],
])('%s is a problem of its own', (_, entry, reason) => {
  const made = aggregate(`usersFrom: [${entry}, { secretRef: { name: s } }]`, [
    secret('s', { 'users.yaml': '', note: '' }),
    configMap('empty', { note: '' }),
  ])
  expect(made.problems.map(problem => problem.reason)).toEqual([reason])
  expect(Object.keys(files(made))).toEqual(['02-secret_s_users.yaml'])
})

test('lists are spread over several Secrets, and one that is too large is left out', () => {
  const half = 'x'.repeat(shardBytes / 2)
  const made = aggregate(`usersFrom: [{ secretRef: { name: s } }]`, [
    secret('s', { 'a.yaml': half, 'b.yaml': half, 'c.yaml': half, 'large.yaml': `${half}${half}` }),
  ])
  expect(made.shards.map(({ size }) => size)).toEqual([1, 1, 1, 0, 0, 0, 0, 0])
  expect(made.problems).toEqual([
    { source: 'Secret s, key large.yaml', reason: 'TooLarge', message: expect.stringContaining('bytes') },
  ])
})

test('a list stays in the Secret in which it is, so that it is never in none', () => {
  const sources = [secret('s', { 'a.yaml': '', 'b.yaml': '' })]
  const previous = [new Set<string>(), new Set(['01-secret_s_b.yaml'])]
  const made = aggregate(`usersFrom: [{ secretRef: { name: s } }]`, sources, previous)
  expect(made.shards.slice(0, 2).map(shard => [...shard.keys()])).toEqual([
    ['01-secret_s_a.yaml'],
    ['01-secret_s_b.yaml'],
  ])
})

test('keys have the length that Secrets take, and keep their ending', () => {
  const key = `${'k'.repeat(240)}.htpasswd`
  const [made] = Object.keys(
    files(
      aggregate(`usersFrom: [{ secretRef: { name: ${'s'.repeat(200)} } }]`, [secret('s'.repeat(200), { [key]: '' })]),
    ),
  )
  expect(made?.length).toBeLessThanOrEqual(253)
  expect(made).toMatch(/^01-secret_[0-9a-f]{64}_list\.htpasswd$/)
})

test.each([
  ['users/00-inline.yaml', 'spec.users'],
  ['users/00-resources-7.json', 'FtpUsers'],
  ['users/03-configmap_team-a_people.yaml', 'ConfigMap team-a, key people.yaml'],
  ['users/elsewhere.yaml', 'users/elsewhere.yaml'],
])('people are told where %s comes from', (path, origin) => {
  expect(originOf(path)).toBe(origin)
})
