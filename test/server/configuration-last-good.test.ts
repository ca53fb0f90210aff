/** A bad change leaves the last good in force: of its part, and of nothing more. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Configuration } from '../../server/config/configuration.ts'
import { configurationHash, fileDigest } from '../../server/config/hash.ts'
import { type LoadResult, loadConfiguration } from '../../server/config/load.ts'
import { selfSigned } from '../support/certificates.ts'

const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

let one: { readonly certificate: string; readonly key: string }
let other: { readonly certificate: string; readonly key: string }
let directory: string
let last: LoadResult | undefined

beforeAll(async () => {
  ;[one, other] = await Promise.all([selfSigned('one'), selfSigned('other')])
})
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'configuration-last-good-'))
  last = undefined
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Writes files (or removes those that are undefined), and loads on top of what was in force. */
async function change(files: Readonly<Record<string, string | undefined>>): Promise<LoadResult> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    if (content === undefined) await rm(path)
    else await writeFile(path, content)
  }
  last = await loadConfiguration(directory, last?.parts)
  return last
}

function inForce({ configuration }: LoadResult): Configuration {
  if (configuration === undefined) throw new Error('there is a configuration in force')
  return configuration
}

function names(result: LoadResult): readonly string[] {
  return [...inForce(result).users.keys()].toSorted()
}

function places({ problems }: LoadResult): readonly string[] {
  return problems.map(({ file, path }) => `${file} ${path}`)
}

function list(...users: readonly string[]): string {
  return JSON.stringify({ users: users.map(name => ({ name, passwordHash: hash })) })
}

describe('server.yaml', () => {
  test('that becomes bad leaves the last good one in force, while users and certificates change', async () => {
    await change({ 'server.yaml': 'banner: first', 'users/a.yaml': list('alice') })
    const bad = await change({
      'server.yaml': 'banner: [',
      'users/a.yaml': list('bob'),
      'tls/tls.crt': one.certificate,
      'tls/tls.key': one.key,
    })
    expect(inForce(bad).server.banner).toBe('first')
    expect(names(bad)).toEqual(['bob'])
    expect(inForce(bad).certificate?.certificate).toBe(one.certificate)
    expect(bad.problems.map(({ file }) => file)).toContain('server.yaml')
    const good = await change({ 'server.yaml': 'banner: second' })
    expect(good.problems).toEqual([])
    expect(inForce(good).server.banner).toBe('second')
  })

  test('that is removed means all defaults', async () => {
    await change({ 'server.yaml': 'banner: first' })
    expect(inForce(await change({ 'server.yaml': undefined })).server.banner).toBe('Service ready for new user.')
  })

  test('that was never good leaves nothing in force, and what is wrong with users is told all the same', async () => {
    const result = await change({ 'server.yaml': 'banner: 7', 'users/a.yaml': '{users: [{name: a}]}' })
    expect(result.configuration).toBeUndefined()
    expect(places(result)).toEqual(['server.yaml banner', 'users/a.yaml users[0]'])
  })
})

describe('a list of users', () => {
  test('that becomes unreadable keeps its users; the other lists change', async () => {
    await change({ 'users/a.yaml': list('alice', 'anna'), 'users/b.yaml': list('bob') })
    const bad = await change({ 'users/a.yaml': '{users: [', 'users/b.yaml': list('bill') })
    expect(names(bad)).toEqual(['alice', 'anna', 'bill'])
    expect(bad.problems.length).toBeGreaterThan(0)
    expect(bad.problems.every(({ file }) => file === 'users/a.yaml')).toBe(true)
    expect(names(await change({ 'users/a.yaml': list('alice') }))).toEqual(['alice', 'bill'])
  })

  test('that is empty for a moment keeps its users', async () => {
    await change({ 'users/a.yaml': list('alice') })
    expect(names(await change({ 'users/a.yaml': '' }))).toEqual(['alice'])
  })

  test('that is removed takes its users with it', async () => {
    await change({ 'users/a.yaml': list('alice'), 'users/b.htpasswd': `bob:${hash}` })
    const result = await change({ 'users/a.yaml': undefined })
    expect(names(result)).toEqual(['bob'])
    expect(result.problems).toEqual([])
  })

  test('whose directory turns into something else keeps its users', async () => {
    await change({ 'users/team/a.yaml': list('alice') })
    await rm(join(directory, 'users'), { recursive: true })
    const result = await change({ users: '' })
    expect(names(result)).toEqual(['alice'])
    expect(places(result)).toEqual(['users '])
  })

  test('that was never good has no users, and the others are in force', async () => {
    expect(names(await change({ 'users/a.yaml': '{', 'users/b.yaml': list('bob') }))).toEqual(['bob'])
  })
})

describe('an entry', () => {
  test('that becomes bad stays as it was; the others of its file change', async () => {
    await change({
      'users/a.json': JSON.stringify({
        users: [
          { name: 'alice', passwordHash: hash, home: '/one' },
          { name: 'bob', passwordHash: hash },
        ],
      }),
    })
    const bad = await change({
      'users/a.json': JSON.stringify({
        users: [
          { name: 'alice', passwordHash: hash, home: 'two' },
          { name: 'bob', passwordHash: hash, home: '/two' },
        ],
      }),
    })
    expect(inForce(bad).users.get('alice')?.home).toBe('/one')
    expect(inForce(bad).users.get('bob')?.home).toBe('/two')
    expect(bad.problems).toMatchObject([{ file: 'users/a.json', path: 'users[0].home', user: 'alice' }])
  })

  test('stays as it was over several bad changes, also when its whole file is bad in between', async () => {
    const alice = (home: string) => `{users: [{name: alice, passwordHash: ${hash}, home: ${home}}]}`
    await change({ 'users/a.yaml': alice('/one') })
    for (const content of [alice('two'), '{', alice('three'), '{']) {
      expect(inForce(await change({ 'users/a.yaml': content })).users.get('alice')?.home).toBe('/one')
    }
    expect(inForce(await change({ 'users/a.yaml': alice('/four') })).users.get('alice')?.home).toBe('/four')
  })

  test('that becomes bad still goes before one of the same name in a later file', async () => {
    const alice = (home: string) => `{users: [{name: alice, passwordHash: ${hash}, home: ${home}}]}`
    await change({ 'users/a.yaml': alice('/one'), 'users/b.yaml': alice('/other') })
    expect(inForce(await change({ 'users/a.yaml': alice('bad') })).users.get('alice')?.home).toBe('/one')
    const removed = await change({ 'users/a.yaml': '{users: []}' })
    expect(inForce(removed).users.get('alice')?.home).toBe('/other')
    expect(removed.problems).toEqual([])
  })

  test('that is removed is gone, even if it was bad', async () => {
    await change({ 'users/a.htpasswd': `alice:${hash}\nbob:${hash}` })
    expect(names(await change({ 'users/a.htpasswd': `alice:oops\nbob:${hash}` }))).toEqual(['alice', 'bob'])
    expect(names(await change({ 'users/a.htpasswd': `bob:${hash}` }))).toEqual(['bob'])
  })

  test('follows its password file, and keeps the last password while that is missing', async () => {
    const users = '{users: [{name: alice, passwordFile: alice.password}]}'
    await change({ 'users/a.yaml': users, 'users/alice.password': 'one\n' })
    const second = await change({ 'users/alice.password': 'two\n' })
    expect(inForce(second).users.get('alice')?.credential).toEqual({ kind: 'password', password: 'two' })
    const missing = await change({ 'users/alice.password': undefined })
    expect(inForce(missing).users.get('alice')?.credential).toEqual({ kind: 'password', password: 'two' })
    expect(places(missing)).toEqual(['users/a.yaml users[0].passwordFile'])
    const hashed = await change({ 'users/alice.password': hash })
    expect(inForce(hashed).users.get('alice')?.credential).toEqual({ kind: 'password-hash', hash })
  })

  test('has a previous password from a file of its own, and is refused without it', async () => {
    const naming = (file: string) =>
      `{users: [{name: alice, passwordHash: ${hash}, previousPassword: {passwordFile: ${file}, expires: '2030-01-31'}}]}`
    const changed = await change({ 'users/a.yaml': naming('alice.old'), 'users/alice.old': 'old\n' })
    const previous = { credential: { kind: 'password', password: 'old' }, expires: Date.parse('2030-01-31') }
    expect(inForce(changed).users.get('alice')).toMatchObject({ credential: { kind: 'password-hash', hash }, previous })
    const missing = await change({ 'users/a.yaml': naming('gone') })
    expect(places(missing)).toEqual(['users/a.yaml users[0].previousPassword.passwordFile'])
    expect(inForce(missing).users.get('alice')?.previous).toEqual(previous)
    const over = await change({ 'users/a.yaml': `{users: [{name: alice, passwordHash: ${hash}}]}` })
    expect(inForce(over).users.get('alice')?.previous).toBeUndefined()
  })

  test('whose name anonymous access takes gives way to it', async () => {
    await change({ 'users/a.yaml': list('ftp', 'alice') })
    const taken = await change({ 'server.yaml': 'anonymous: {enabled: true}' })
    expect(names(taken)).toEqual(['alice'])
    expect(places(taken)).toEqual(['users/a.yaml users[0].name'])
    expect(names(await change({ 'server.yaml': '{}' }))).toEqual(['alice', 'ftp'])
  })
})

describe('the certificate', () => {
  const files = (certificate: string, key: string) => ({ 'tls/tls.crt': certificate, 'tls/tls.key': key })

  test('whose key is that of another leaves the last good pair', async () => {
    await change(files(one.certificate, one.key))
    const bad = await change(files(other.certificate, one.key))
    expect(inForce(bad).certificate).toMatchObject({ certificate: one.certificate, key: one.key })
    expect(places(bad)).toEqual(['tls/tls.key '])
    const good = await change(files(other.certificate, other.key))
    expect(inForce(good).certificate).toMatchObject({ certificate: other.certificate, key: other.key })
    expect(good.problems).toEqual([])
  })

  test('that is removed is none any more', async () => {
    await change(files(one.certificate, one.key))
    expect(inForce(await change({ 'tls/tls.crt': undefined, 'tls/tls.key': undefined })).certificate).toBeUndefined()
  })

  test('keeps its authority while client certificates are asked for', async () => {
    const tls = { ...files(one.certificate, one.key), 'tls/ca.crt': other.certificate }
    await change({ ...tls, 'server.yaml': 'tls: {clientCertificates: required}' })
    const removed = await change({ 'tls/ca.crt': undefined })
    expect(inForce(removed).server.tls.clientCertificates).toBe('required')
    expect(inForce(removed).certificate?.authority).toBe(other.certificate)
    expect(places(removed)).toEqual(['server.yaml tls.clientCertificates'])
    const off = await change({ 'server.yaml': '{}' })
    expect(inForce(off).certificate?.authority).toBeUndefined()
    expect(off.problems).toEqual([])
  })

  test('and client certificates come into force when the second of them is there', async () => {
    await change(files(one.certificate, one.key))
    const early = await change({ 'server.yaml': 'tls: {clientCertificates: required}' })
    expect(inForce(early).server.tls.clientCertificates).toBe('off')
    const both = await change({ 'tls/ca.crt': other.certificate })
    expect(inForce(both).server.tls.clientCertificates).toBe('required')
    expect(both.problems).toEqual([])
  })
})

describe('the hash', () => {
  test('is that of the files in force, which anyone can compute from their contents', async () => {
    const files = {
      'server.yaml': 'banner: x',
      'users/team/a.yaml': list('alice'),
      'users/team/readme.txt': 'read me',
      'tls/tls.crt': one.certificate,
      'tls/tls.key': one.key,
    }
    const expected = configurationHash(
      Object.entries(files).map(([path, content]) => ({ path, digest: fileDigest(Buffer.from(content)) })),
    )
    const result = await change({ ...files, 'users/.hidden': 'not counted', 'tls/other.pem': 'not counted' })
    expect(inForce(result).hash).toBe(expected)
  })

  test('does not change with what is refused as a whole', async () => {
    const good = await change({ 'server.yaml': 'banner: x', 'users/a.yaml': list('alice') })
    const bad = await change({ 'server.yaml': 'banner: 7', 'users/a.yaml': '{', 'tls/tls.crt': 'x' })
    expect(inForce(bad).hash).toBe(inForce(good).hash)
    expect(new Set(bad.problems.map(({ file }) => file))).toEqual(
      new Set(['server.yaml', 'users/a.yaml', 'tls/tls.crt', 'tls/tls.key']),
    )
  })
})

test('a directory that is gone leaves everything in force', async () => {
  await change({ 'server.yaml': 'banner: x', 'users/a.yaml': list('alice') })
  await rm(directory, { recursive: true })
  const gone = await loadConfiguration(directory, last?.parts)
  expect(inForce(gone).hash).toBe(last?.configuration?.hash)
  expect(names(gone)).toEqual(['alice'])
  expect(gone.problems).toEqual([{ file: '.', path: '', message: 'must be an existing directory' }])
})

test('users of files that did not change are the same objects', async () => {
  const before = await change({ 'users/a.yaml': list('alice'), 'users/b.yaml': list('bob') })
  const after = await change({ 'users/b.yaml': list('bill') })
  expect(inForce(after).users.get('alice')).toBe(inForce(before).users.get('alice'))
})
