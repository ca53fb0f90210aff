/** Broken configurations: each is told by file, by place, and by what it must be. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfiguration } from '../../server/config/load.ts'
import { selfSigned } from '../support/certificates.ts'

type Broken = {
  readonly title: string
  readonly files: Readonly<Record<string, string | Uint8Array>>
  readonly file: string
  readonly path: string | RegExp
  /** Words of the message: what it must be. */
  readonly must: RegExp
  /** Problems beside this one. */
  readonly others?: number
}

const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

function server(title: string, yaml: string, path: string | RegExp, must: RegExp): Broken {
  return { title, files: { 'server.yaml': yaml }, file: 'server.yaml', path, must }
}

/** One user, written in flow style. */
function user(title: string, fields: string, path: string, must: RegExp): Broken {
  const content = `users: [{name: good, passwordHash: ${hash}}, {${fields}}]`
  return { title, files: { 'users/a.yaml': content }, file: 'users/a.yaml', path, must }
}

function list(title: string, content: string | Uint8Array, path: string | RegExp, must: RegExp): Broken {
  return { title, files: { 'users/team/a.yaml': content }, file: 'users/team/a.yaml', path, must }
}

function htpasswd(title: string, line: string, must: RegExp): Broken {
  const content = `good:${hash}\n${line}\n`
  return { title, files: { 'users/a.htpasswd': content }, file: 'users/a.htpasswd', path: 'line 2', must }
}

const manyAliases = [
  'a0: &a0 [x]',
  ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
]

const ofServer: readonly Broken[] = [
  server('empty', '', '', /must not be empty/),
  server('a list', '- a\n', '', /a mapping with the keys `listeners`/),
  server('a text', 'hello', '', /a mapping with the keys/),
  { ...server('not UTF-8', '', '', /text in UTF-8/), files: { 'server.yaml': new Uint8Array([0x72, 0xff]) } },
  server('an open quote', 'root: "/data\n', /^line \d+, column \d+$/, /must be YAML/),
  server('tabs', 'limits:\n\tmaxSessions: 3\n', 'line 2, column 1', /must be YAML/),
  server('a key twice', 'root: /a\nroot: /b\n', 'line 2, column 1', /each key must be there only once/),
  server('two documents', 'root: /a\n---\nroot: /b\n', /^line 2/, /one YAML document/),
  server('an unknown alias', 'root: *nobody\n', /^line 1/, /must name an anchor before it/),
  server('an unknown tag', 'root: !secret x\n', /^line 1/, /tag is not known/),
  server('an alias bomb', manyAliases.join('\n'), '', /at most a few aliases/),
  server('an unknown key', 'colour: red', 'colour', /must be one of `listeners`/),
  server('a mistyped key', 'limits: {maxSesions: 5}', 'limits.maxSesions', /must be `maxSessions`/),
  server('an empty section', 'logging:\n', 'logging', /a mapping with the keys `level`, `format`/),
  server('no listeners', 'listeners: []', 'listeners', /a list of 1 to 16 entries/),
  server(
    'a listener without port',
    'listeners: [{name: a}]',
    'listeners[0].port',
    /is missing; it must be a whole number from 1 to 65535/,
  ),
  server('a port of 0', 'listeners: [{name: a, port: 0}]', 'listeners[0].port', /from 1 to 65535/),
  server('a port in quotes', 'listeners: [{name: a, port: "21"}]', 'listeners[0].port', /whole number/),
  server('a port with a fraction', 'probes: {port: 80.5}', 'probes.port', /whole number/),
  server('a listener’s name', 'listeners: [{name: A_B, port: 21}]', 'listeners[0].name', /lower-case letters/),
  server(
    'a listener’s address',
    'listeners: [{name: a, port: 21, addresses: [localhost]}]',
    'listeners[0].addresses[0]',
    /IPv4 or IPv6 address/,
  ),
  server(
    'a TLS mode',
    'listeners: [{name: a, port: 21, tls: maybe}]',
    'listeners[0].tls',
    /one of `disabled`, `explicit`/,
  ),
  server(
    'two listeners of one name',
    'listeners: [{name: a, port: 21}, {name: a, port: 22}]',
    'listeners[1].name',
    /no other listener has/,
  ),
  server(
    'two listeners at one place',
    'listeners: [{name: a, port: 21}, {name: b, port: 21}]',
    'listeners[1].addresses[0]',
    /no listener has with the same port/,
  ),
  server(
    'an empty range',
    'passive: {ports: {first: 20001, last: 20000}}',
    'passive.ports.last',
    /not be below `passive.ports.first`/,
  ),
  server('a listener in the range', 'listeners: [{name: a, port: 20001}]', 'listeners[0].port', /outside of the range/),
  server('probes in the range', 'probes: {port: 20001}', 'probes.port', /outside of the range/),
  server('probes at a listener', 'probes: {port: 2121}', 'probes.port', /another port than those of the listeners/),
  server(
    'an advertised IPv6 address',
    'passive: {advertisedAddress: "::1"}',
    'passive.advertisedAddress',
    /`auto`, `pending`, an IPv4 address or a host name/,
  ),
  server(
    'an advertised address by client',
    'passive: {advertisedAddresses: [{clients: [lan], address: 10.0.0.1}]}',
    'passive.advertisedAddresses[0].clients[0]',
    /network such as/,
  ),
  server(
    'an advertised port beside the range',
    'passive: {advertisedPorts: [{port: 21, advertised: 22}]}',
    'passive.advertisedPorts[0].port',
    /a port of the range/,
  ),
  server(
    'a port advertised twice',
    'passive: {advertisedPorts: [{port: 20000, advertised: 22}, {port: 20001, advertised: 22}]}',
    'passive.advertisedPorts[1].advertised',
    /no other entry has/,
  ),
  server('a peer check', 'passive: {peerCheck: on}', 'passive.peerCheck', /one of `same-address` and `off`/),
  server('a switch in words', 'active: {enabled: "yes"}', 'active.enabled', /`true` or `false`/),
  server('a limit of 0', 'limits: {maxSessions: 0}', 'limits.maxSessions', /from 1 to 1000000/),
  server(
    'a timeout with a unit',
    'limits: {idleTimeoutSeconds: 5m}',
    'limits.idleTimeoutSeconds',
    /whole number from 1 to 86400/,
  ),
  server('a long banner', `banner: ${'x'.repeat(3000)}`, 'banner', /at most 2048 characters/),
  server('a banner that is a number', 'banner: 220', 'banner', /text of at most 2048 characters, in quotes/),
  server('an empty root', 'root: ""', 'root', /text of 1 to 4096 characters/),
  server('an anonymous home', 'anonymous: {home: pub}', 'anonymous.home', /absolute path such as/),
  server(
    'a role of nobody',
    'anonymous: {role: admin}',
    'anonymous.role',
    /one of `read-only`, `read-write` and `upload-only`/,
  ),
  server(
    'anonymous with role and permissions',
    'anonymous: {role: read-only, permissions: [list]}',
    'anonymous',
    /at most one of/,
  ),
  server('a TLS version', 'tls: {minVersion: TLSv1.1}', 'tls.minVersion', /one of `TLSv1.2` and `TLSv1.3`/),
  server(
    'client certificates without authority',
    'tls: {clientCertificates: required}',
    'tls.clientCertificates',
    /`tls\/ca.crt` must be there/,
  ),
  server('a time zone', 'listing: {timeZone: Berlin}', 'listing.timeZone', /IANA name/),
  server('a log level', 'logging: {level: verbose}', 'logging.level', /one of `debug`, `info`/),
]

const ofUsers: readonly Broken[] = [
  list('an empty list', '', '', /must not be empty/),
  list('a list without its key', `- {name: a, passwordHash: ${hash}}`, '', /a mapping with the keys `users`/),
  list('comments only', '# nobody\n', '', /a mapping with the keys `users`/),
  list('another key', 'users: []\naccounts: []', 'accounts', /must be one of `users`/),
  list('no key', '{}', 'users', /is missing; it must be a list/),
  list('users by name', 'users: {alice: {}}', 'users', /a list of at most 100000 entries/),
  list('broken JSON', '{"users": [{"name" "a"}]}', /^line 1, column \d+$/, /must be YAML/),
  list('not UTF-8', new Uint8Array([0x75, 0xff, 0xfe]), '', /text in UTF-8/),
  list('more than 16 MiB', new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20), '', /at most 16777216 bytes/),
  {
    ...user('no mapping', '', 'users[0]', /a mapping with the keys `name`/),
    files: { 'users/a.yaml': 'users: [alice]' },
  },
  user('no name', `passwordHash: ${hash}`, 'users[1].name', /is missing; it must be 1 to 64 letters/),
  user('a name with a slash', `name: a/b, passwordHash: ${hash}`, 'users[1].name', /1 to 64 letters/),
  user('a name that is a number', `name: 7, passwordHash: ${hash}`, 'users[1].name', /in quotes/),
  user(
    'a clear password',
    'name: a, password: secret',
    'users[1].password',
    /must not be here in clear: run `npm run hash-password`/,
  ),
  user(
    'a hash that costs too much',
    `name: a, passwordHash: "${hash.replace('$10$', '$31$')}"`,
    'users[1].passwordHash',
    /what is wrong with this one: the cost must be from 04 to 16$/,
  ),
  // What stands behind the commas is taken for keys.
  {
    ...user(
      'a hash of Argon2 in a mapping on one line, without quotes',
      'name: a, passwordHash: $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
      'users[1].passwordHash',
      /what is wrong with this one: must have the form \$argon2id\$v=19\$m=…,t=…,p=…\$salt\$hash, whole$/,
    ),
    others: 2,
  },
  user(
    'a password as hash',
    'name: a, passwordHash: secret',
    'users[1].passwordHash',
    /hash of the password as `npm run hash-password`/,
  ),
  user('no credential', 'name: a', 'users[1]', /one of `passwordHash` and `passwordFile`, or `clientCertificate`/),
  user(
    'two credentials',
    `name: a, passwordHash: ${hash}, passwordFile: b`,
    'users[1]',
    /one of `passwordHash` and `passwordFile`/,
  ),
  user(
    'no password file',
    'name: a, passwordFile: missing',
    'users[1].passwordFile',
    /must name a password file that can be read/,
  ),
  user('a directory as password file', 'name: a, passwordFile: .', 'users[1].passwordFile', /must be a file/),
  user('a home with dots', `name: a, passwordHash: ${hash}, home: /../etc`, 'users[1].home', /without `\.`, `\.\.`/),
  user(
    'a permission',
    `name: a, passwordHash: ${hash}, permissions: [read]`,
    'users[1].permissions[0]',
    /one of `list`, `download`/,
  ),
  user(
    'a permission twice',
    `name: a, passwordHash: ${hash}, permissions: [list, list]`,
    'users[1].permissions',
    /none of them twice/,
  ),
  user(
    'role and permissions',
    `name: a, passwordHash: ${hash}, role: read-only, permissions: []`,
    'users[1]',
    /at most one of/,
  ),
  user(
    'a path without permissions',
    `name: a, passwordHash: ${hash}, paths: [{path: /in}]`,
    'users[1].paths[0]',
    /exactly one of `role` and `permissions`/,
  ),
  user(
    'a certificate by nothing',
    'name: a, clientCertificate: {}',
    'users[1].clientCertificate',
    /exactly one of `commonName`/,
  ),
  user(
    'a fingerprint',
    'name: a, clientCertificate: {fingerprint: "AB:CD"}',
    'users[1].clientCertificate.fingerprint',
    /32 pairs of hexadecimal digits/,
  ),
  user(
    'a certificate that is not asked for',
    'name: a, clientCertificate: {commonName: a}',
    'users[1].clientCertificate',
    /`tls.clientCertificates` in `server.yaml`/,
  ),
  user(
    'a limit',
    `name: a, passwordHash: ${hash}, limits: {maxSessions: -1}`,
    'users[1].limits.maxSessions',
    /from 1 to 1000000/,
  ),
  user(
    'a network',
    `name: a, passwordHash: ${hash}, allowedNetworks: [10.0.0.0/40]`,
    'users[1].allowedNetworks[0]',
    /network such as/,
  ),
  user(
    'an expiry that is no day',
    `name: a, passwordHash: ${hash}, expires: 2030-02-30`,
    'users[1].expires',
    /a date such as/,
  ),
  user(
    'an expiry without zone',
    `name: a, passwordHash: ${hash}, expires: "2030-01-31T12:00:00"`,
    'users[1].expires',
    /with zone/,
  ),
  user('a name twice', `name: good, passwordHash: ${hash}`, 'users[1].name', /no entry before it has; the same file/),
  {
    title: 'a name in two files',
    files: { 'users/a.htpasswd': `alice:${hash}`, 'users/b/b.yaml': `users: [{name: alice, passwordHash: ${hash}}]` },
    file: 'users/b/b.yaml',
    path: 'users[0].name',
    must: /no entry before it has; `users\/a.htpasswd` has it/,
  },
  {
    title: 'a reserved name',
    files: { 'server.yaml': 'anonymous: {enabled: true}', 'users/a.htpasswd': `ftp:${hash}` },
    file: 'users/a.htpasswd',
    path: 'line 1',
    must: /must be another name/,
  },
  {
    title: 'an empty password file',
    files: { 'users/a.yaml': 'users: [{name: a, passwordFile: a.password}]', 'users/a.password': '\n' },
    file: 'users/a.yaml',
    path: 'users[0].passwordFile',
    must: /a password of 1 to 1024 bytes in one line/,
  },
  {
    title: 'a password file with two lines',
    files: { 'users/a.yaml': 'users: [{name: a, passwordFile: a.password}]', 'users/a.password': 'secret\n\n' },
    file: 'users/a.yaml',
    path: 'users[0].passwordFile',
    must: /a password of 1 to 1024 bytes in one line/,
  },
  {
    title: 'a password file with an old hash',
    files: { 'users/a.yaml': 'users: [{name: a, passwordFile: a.password}]', 'users/a.password': '$1$salt$hash' },
    file: 'users/a.yaml',
    path: 'users[0].passwordFile',
    must: /argon2id, scrypt, bcrypt/,
  },
  { title: 'users that is a file', files: { users: '' }, file: 'users', path: '', must: /must be a directory/ },
  htpasswd('no colon', 'alice', /`name:hash`, where the name/),
  htpasswd('a clear password', 'alice:secret', /where the hash is a hash of the password/),
  htpasswd('an old hash', 'alice:$apr1$x$y', /argon2id, scrypt, bcrypt/),
  htpasswd('a hash that costs too much', `alice:${hash.replace('$10$', '$17$')}`, /the cost must be from 04 to 16$/),
  htpasswd('a bad name', `al ice:${hash}`, /1 to 64 letters/),
]

let one: { readonly certificate: string; readonly key: string }
let other: { readonly certificate: string; readonly key: string }
let expired: { readonly certificate: string; readonly key: string }
let scratch: string

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'configuration-broken-'))
  ;[one, other, expired] = await Promise.all([selfSigned('one'), selfSigned('other'), selfSigned('expired', -1)])
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const ofCertificates: readonly (Omit<Broken, 'files'> & { readonly files: () => Broken['files'] })[] = [
  {
    title: 'no key',
    files: () => ({ 'tls/tls.crt': one.certificate }),
    file: 'tls/tls.key',
    path: '',
    must: /must be there/,
  },
  {
    title: 'no certificate',
    files: () => ({ 'tls/tls.key': one.key }),
    file: 'tls/tls.crt',
    path: '',
    must: /must be there/,
  },
  {
    title: 'an authority alone',
    files: () => ({ 'tls/ca.crt': one.certificate }),
    file: 'tls/tls.crt',
    path: '',
    must: /must be there/,
    others: 1,
  },
  {
    title: 'a certificate that is none',
    files: () => ({ 'tls/tls.crt': 'x', 'tls/tls.key': one.key }),
    file: 'tls/tls.crt',
    path: '',
    must: /certificates in PEM/,
  },
  {
    title: 'a certificate that is cut off',
    files: () => ({ 'tls/tls.crt': one.certificate.slice(0, 400), 'tls/tls.key': one.key }),
    file: 'tls/tls.crt',
    path: '',
    must: /certificates in PEM/,
  },
  {
    title: 'a chain with rubbish',
    files: () => ({
      'tls/tls.crt': `${one.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      'tls/tls.key': one.key,
    }),
    file: 'tls/tls.crt',
    path: '',
    must: /certificates in PEM/,
  },
  {
    title: 'a key that is none',
    files: () => ({ 'tls/tls.crt': one.certificate, 'tls/tls.key': one.certificate }),
    file: 'tls/tls.key',
    path: '',
    must: /private key in PEM, without passphrase/,
  },
  {
    title: 'the key of another certificate',
    files: () => ({ 'tls/tls.crt': one.certificate, 'tls/tls.key': other.key }),
    file: 'tls/tls.key',
    path: '',
    must: /the private key of the first certificate/,
  },
  {
    title: 'an authority that is none',
    files: () => ({ 'tls/tls.crt': one.certificate, 'tls/tls.key': one.key, 'tls/ca.crt': 'x' }),
    file: 'tls/ca.crt',
    path: '',
    must: /certificates in PEM/,
  },
  {
    title: 'an expired certificate',
    files: () => ({ 'tls/tls.crt': expired.certificate, 'tls/tls.key': expired.key }),
    file: 'tls/tls.crt',
    path: '',
    must: /must be renewed: it expired at \d{4}-/,
  },
  {
    title: 'a file in place of the directory',
    files: () => ({ tls: '' }),
    file: 'tls',
    path: '',
    must: /must be a readable directory/,
  },
]

async function directoryOf(files: Broken['files']): Promise<string> {
  const directory = await mkdtemp(join(scratch, 'case-'))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), content)
  }
  return directory
}

async function expectProblem(directory: string, { file, path, must, others = 0 }: Omit<Broken, 'files' | 'title'>) {
  const { problems } = await loadConfiguration(directory, undefined)
  const problem = problems.find(
    each => each.file === file && (path instanceof RegExp ? path.test(each.path) : path === each.path),
  )
  expect(problem ?? problems).toBe(problem)
  expect(problem?.message).toMatch(must)
  // Nothing else is wrong.
  expect(problems).toHaveLength(1 + others)
  expect(JSON.stringify(problems)).not.toMatch(/secret|\$1\$|PRIVATE KEY/)
}

test('there are at least 60 of them', () => {
  expect(ofServer.length + ofUsers.length + ofCertificates.length).toBeGreaterThanOrEqual(60)
})

describe('server.yaml', () => {
  test.each(ofServer)('$title', async broken => {
    const directory = await directoryOf(broken.files)
    await expectProblem(directory, broken)
    expect((await loadConfiguration(directory, undefined)).configuration).toBeUndefined()
  })
})

describe('users', () => {
  test.each(ofUsers)('$title', async broken => {
    const directory = await directoryOf(broken.files)
    await expectProblem(directory, broken)
    const { configuration } = await loadConfiguration(directory, undefined)
    const hasGood = Object.values(broken.files).some(content => /\bgood\b/.test(String(content)))
    expect(configuration?.users.has('good')).toBe(hasGood)
  })
})

describe('tls', () => {
  test.each(ofCertificates)('$title', async broken => {
    await expectProblem(await directoryOf(broken.files()), broken)
  })

  test('an expired certificate is in force all the same', async () => {
    const directory = await directoryOf({ 'tls/tls.crt': expired.certificate, 'tls/tls.key': expired.key })
    expect((await loadConfiguration(directory, undefined)).configuration?.certificate?.key).toBe(expired.key)
  })

  test('an empty authority is none, as cert-manager leaves it', async () => {
    const directory = await directoryOf({ 'tls/tls.crt': one.certificate, 'tls/tls.key': one.key, 'tls/ca.crt': '' })
    const { configuration, problems } = await loadConfiguration(directory, undefined)
    expect(problems).toEqual([])
    expect(configuration?.certificate).toEqual({ certificate: one.certificate, key: one.key, authority: undefined })
  })
})

test('all mistakes of all files are told at once', async () => {
  const directory = await directoryOf({
    'server.yaml': 'listeners: [{name: a, port: 0, tls: no}]\ncolour: red\n',
    'users/a.yaml': 'users: [{name: a}, {name: b}]',
    'users/b.htpasswd': 'x\ny\n',
    'tls/tls.crt': 'x',
    'tls/tls.key': 'x',
  })
  const { problems } = await loadConfiguration(directory, undefined)
  expect(problems.map(({ file, path }) => `${file} ${path}`).toSorted()).toEqual([
    'server.yaml colour',
    'server.yaml listeners[0].port',
    'server.yaml listeners[0].tls',
    'tls/tls.crt ',
    'tls/tls.key ',
    'users/a.yaml users[0]',
    'users/a.yaml users[1]',
    'users/b.htpasswd line 1',
    'users/b.htpasswd line 2',
  ])
})

test('a directory that is not there is told as such', async () => {
  const { configuration, problems } = await loadConfiguration(join(scratch, 'nowhere'), undefined)
  expect(configuration).toBeUndefined()
  expect(problems).toEqual([{ file: '.', path: '', message: 'must be an existing directory' }])
})

test('a link that leads nowhere and one that leads in a circle are told, and nothing waits for them', async () => {
  const directory = await directoryOf({ 'users/a.htpasswd': `good:${hash}` })
  await symlink('nowhere', join(directory, 'users', 'b.yaml'))
  await symlink('circle', join(directory, 'users', 'circle'))
  await symlink('.', join(directory, 'users', 'deep'))
  const { configuration, problems } = await loadConfiguration(directory, undefined)
  const files = problems.map(({ file }) => file)
  expect(files).toContain('users/b.yaml')
  expect(files).toContain('users/circle')
  expect(files.some(file => file.startsWith('users/deep/deep'))).toBe(true)
  expect(configuration?.users.has('good')).toBe(true)
})
