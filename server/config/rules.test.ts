import { describe, expect, test } from 'vitest'
import { serverSamples, userSamples } from '../../test/support/rule-samples.ts'
import { brokenRules, serverRules, serverSurroundingsRules, userRules, userSurroundingsRules, within } from './rules.ts'
import { type Validated, validateServer, validateUser } from './validate.ts'

function valid<Value>(result: Validated<Value>): Value {
  if (!result.valid) throw new Error(JSON.stringify(result.violations))
  return result.value
}

describe('the configuration of a server', () => {
  test.each(serverSamples)('$title', ({ value, brokenAt }) => {
    const violations = brokenRules(serverRules, valid(validateServer(structuredClone(value))))
    expect(violations.map(({ path }) => path)).toEqual(brokenAt)
    for (const { message } of violations) expect(message).toMatch(/^must /)
  })

  test('every rule is broken by a sample', () => {
    const untried = serverRules.filter(rule =>
      serverSamples.every(({ value }) => rule.brokenAt(valid(validateServer(structuredClone(value)))).length === 0),
    )
    expect(untried).toEqual([])
  })
})

describe('an entry of a list of users', () => {
  test.each(userSamples)('$title', ({ value, brokenAt }) => {
    expect(brokenRules(userRules, valid(validateUser(value))).map(({ path }) => path)).toEqual(brokenAt)
  })

  test('every rule is broken by a sample', () => {
    const untried = userRules.filter(rule =>
      userSamples.every(({ value }) => rule.brokenAt(valid(validateUser(value))).length === 0),
    )
    expect(untried).toEqual([])
  })
})

test('client certificates need the authority that signs them', () => {
  const off = valid(validateServer({}))
  const optional = valid(validateServer({ tls: { clientCertificates: 'optional' } }))
  const broken = (server: typeof off, hasAuthority: boolean) =>
    brokenRules(serverSurroundingsRules, { server, hasAuthority }).map(({ path }) => path)
  expect(broken(off, false)).toEqual([])
  expect(broken(optional, true)).toEqual([])
  expect(broken(optional, false)).toEqual(['tls.clientCertificates'])
})

test('the names of anonymous access are taken while it is enabled', () => {
  const server = (enabled: boolean) => valid(validateServer({ anonymous: { enabled } }))
  const broken = (name: string, enabled: boolean) =>
    brokenRules(userSurroundingsRules, { name, usesCertificate: false, server: server(enabled) }).map(
      ({ path }) => path,
    )
  expect(broken('anonymous', true)).toEqual(['name'])
  expect(broken('ftp', true)).toEqual(['name'])
  expect(broken('anonymous', false)).toEqual([])
  expect(broken('alice', true)).toEqual([])
})

test('a user with a certificate needs a server that asks for one', () => {
  const broken = (clientCertificates: string) =>
    brokenRules(userSurroundingsRules, {
      name: 'alice',
      usesCertificate: true,
      server: valid(validateServer({ tls: { clientCertificates } })),
    }).map(({ path }) => path)
  expect(broken('off')).toEqual(['clientCertificate'])
  expect(broken('optional')).toEqual([])
})

test('a user names hosts that there are', () => {
  const server = valid(validateServer({ hosts: [{ name: 'a.example', aliases: ['b.example'] }] }))
  const broken = (hosts: readonly string[] | undefined) =>
    brokenRules(userSurroundingsRules, { name: 'alice', usesCertificate: false, hosts, server }).map(({ path }) => path)
  expect(broken(undefined)).toEqual([])
  expect(broken(['A.example'])).toEqual([])
  expect(broken(['a.example', 'b.example', 'c.example'])).toEqual(['hosts[1]', 'hosts[2]'])
})

test('violations of an entry are placed in its list', () => {
  const paths = within(
    'users[3]',
    ['', 'home', '["a b"]'].map(path => ({ path, message: '' })),
  ).map(({ path }) => path)
  expect(paths).toEqual(['users[3]', 'users[3].home', 'users[3]["a b"]'])
})
