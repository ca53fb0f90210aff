import { describe, expect, test } from 'vitest'
import { ftpUser, now } from '../../test/operator/samples.ts'
import { bindingSecret, type Endpoint, isLikeMain, secretState } from './binding-secret.ts'

const generated = (fields = '') => ftpUser('alice', `{ username: a@b, generatedPassword: { ${fields} } }`)
const endpoint: Endpoint = { host: '2001:db8::7', port: 990, tls: 'Implicit' }
const made = new Date(now - 3_600_000).toISOString()
const current = { current: 'new', made, previous: undefined }
const expires = new Date(now + 1000).toISOString()
const rotated = { current: 'new', made, previous: { password: 'old', expires } }

function content(...parameters: Parameters<typeof bindingSecret>) {
  const { data = {} } = bindingSecret(...parameters)
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]))
}

test('it has what servicebinding.io names, as far as it is known', () => {
  expect(content(generated(), undefined, current)).toEqual({
    type: 'ftp',
    provider: 'ftp-operator',
    username: 'a@b',
    password: 'new',
  })
  expect(content(generated(), endpoint, rotated)).toEqual({
    type: 'ftp',
    provider: 'ftp-operator',
    username: 'a@b',
    password: 'new',
    host: '2001:db8::7',
    port: '990',
    tls: 'Implicit',
    uri: 'ftps://a%40b:new@[2001:db8::7]:990',
    'previous-password': 'old',
    'previous-password-expires': expires,
  })
})

const annotations = (...parameters: Parameters<typeof bindingSecret>) =>
  bindingSecret(...parameters).metadata.annotations ?? {}

test.each([
  ['as it was made', generated(), endpoint, now, 'current'],
  ['when the address is another', generated(), { ...endpoint, host: '203.0.113.7' }, now, 'stale'],
  ['when there is no address any more', generated(), undefined, now, 'stale'],
  ['when the previous password is over', generated(), endpoint, now + 1000, 'stale'],
  ['when there is a new revision', generated('revision: two'), endpoint, now, 'outdated'],
  [
    'when it is as old as it may be',
    generated('rotateAfterSeconds: 3600, overlapSeconds: 60'),
    endpoint,
    now,
    'outdated',
  ],
  ['a moment before that', generated('rotateAfterSeconds: 3601, overlapSeconds: 60'), endpoint, now, 'current'],
  ['when the clock was ahead', generated(), endpoint, now - 3_600_001, 'stale'],
  ['when the overlap is shorter now', generated('overlapSeconds: 0'), endpoint, now, 'stale'],
  ['when the length of passwords to come is another', generated('length: 64'), endpoint, now, 'current'],
] as const)('its metadata tell how it stands, %s', (_, user, where, when, kind) => {
  expect(secretState(user, where, annotations(generated(), endpoint, rotated), when)).toEqual({ kind })
})

test('one that nothing is known of is not what is wanted', () => {
  expect(secretState(generated(), endpoint, {}, now)).toEqual({ kind: 'stale' })
})

describe('that of one server, of several', () => {
  const server = { name: 'uploads', namespace: 'media' }
  const [user, main] = [generated(), annotations(generated(), endpoint, rotated)]
  const own = bindingSecret(user, endpoint, rotated, server).metadata

  test('has a name of its own, and says which server it is for', () => {
    expect(own.name).toBe('alice-ftp-user.media.uploads')
    expect(own.annotations).toMatchObject({ 'ftp-operator.io/server': 'media/uploads' })
  })

  test('is made anew where the passwords or the address are others', () => {
    expect(isLikeMain(user, endpoint, own.annotations ?? {}, main)).toBe(true)
    expect(isLikeMain(user, { ...endpoint, port: 21 }, own.annotations ?? {}, main)).toBe(false)
    const later = { ...rotated, made: new Date(now).toISOString() }
    for (const passwords of [current, later]) {
      expect(isLikeMain(user, endpoint, own.annotations ?? {}, annotations(user, endpoint, passwords))).toBe(false)
    }
  })
})
