import { expect, test } from 'vitest'
import { ftpUser, now } from '../../test/operator/samples.ts'
import { bindingSecret, type Endpoint, previousExpiry, secretState } from './binding-secret.ts'

const generated = (fields = '') => ftpUser('alice', `{ username: a@b, generatedPassword: { ${fields} } }`)
const endpoint: Endpoint = { host: '2001:db8::7', port: 990, tls: 'Implicit' }
const current = { current: 'new', previous: undefined }
const expires = new Date(now + 1000).toISOString()
const rotated = { current: 'new', previous: { password: 'old', expires } }

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
  ['when the length of passwords to come is another', generated('length: 64'), endpoint, now, 'current'],
] as const)('its metadata tell how it stands, %s', (_, user, where, when, kind) => {
  expect(secretState(user, where, annotations(generated(), endpoint, rotated), when)).toEqual({ kind })
})

test('one that nothing is known of is not what is wanted', () => {
  expect(secretState(generated(), endpoint, {}, now)).toEqual({ kind: 'stale' })
})

test('its metadata tell when the previous password is over', () => {
  expect(previousExpiry(annotations(generated(), endpoint, rotated))).toBe(now + 1000)
  expect(previousExpiry(annotations(generated(), endpoint, current))).toBeUndefined()
})
