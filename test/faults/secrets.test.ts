/** Nothing secret leaves the server: not by its log at the level `debug`, not by /status, /metrics or replies, whatever is wrong in its files. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { selfSigned } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { replaceFile } from '../support/replace-file.ts'
import { password, simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { type SpilledSecrets, spilledSecrets } from '../support/spilled-secrets.ts'

const goodUser = simpleUser('alice')
const goodList = { users: [goodUser] }

let server: ServerProcess
let secrets: SpilledSecrets
/** What clients were told. */
let replies: string[]
/** The certificate's files as they are to be; an empty authority is none. */
let mounted: ReadonlyMap<string, string>

beforeAll(async () => {
  secrets = spilledSecrets()
  replies = []
  const { certificate, key } = await selfSigned('localhost')
  // What a test user's hash is worth is in its last part, and the salt helps those who guess.
  for (const part of String(goodUser['passwordHash']).split('$').slice(-2)) secrets.add(part)
  secrets.add(password)
  for (const line of key.split('\n').filter(text => text.length > 40)) secrets.add(line)
  mounted = new Map([
    ['tls/tls.crt', certificate],
    ['tls/tls.key', key],
  ])
  server = await startServerProcess({
    server: {
      limits: { failedLoginDelayMilliseconds: 0, maxFailedLogins: 100 },
      logging: { level: 'debug', format: 'json' },
    },
    files: {
      'users/users.yaml': JSON.stringify({
        users: [goodUser, { name: 'bob', home: '/', passwordFile: 'bob.password' }],
      }),
      'users/bob.password': secrets.make('passwordFile'),
      ...Object.fromEntries(mounted),
    },
  })
})

afterAll(async () => {
  await server?.dispose()
})

/** Everything that anybody but the administrator may see. */
async function shown(): Promise<string> {
  const pages = await Promise.all(
    ['/status', '/metrics', '/readyz', '/livez'].map(async path => (await server.probe(path)).text()),
  )
  const { stdout, stderr } = server.output()
  return [stdout, stderr, ...pages, ...replies].join('\n')
}

async function say(client: FtpClient, ...lines: readonly string[]): Promise<number[]> {
  const codes: number[] = []
  for (const line of lines) {
    const reply = await client.send(line)
    replies.push(...reply.lines)
    codes.push(reply.code)
  }
  return codes
}

/** Changes a file and waits until the log tells of it, by these words. */
async function breakFile(file: string, content: string | Uint8Array, words = `"file":"${file}"`): Promise<void> {
  const position = server.output().stdout.length
  await replaceFile(server, file, content)
  await eventually(() => server.output().stdout.includes(words, position), `${file} is told of`)
}

async function mendFile(file: string, content: string): Promise<void> {
  await replaceFile(server, file, content)
  const isMended = async () => (await server.status()).problems.every(problem => problem.file !== file)
  await eventually(isMended, `${file} is in force`)
}

describe('Passwords of clients', () => {
  test('a right one, wrong ones, and those in the wrong place are nowhere', async () => {
    const client = await FtpClient.connect(server.port)
    const [wrong, early, unknown, account, glued, twice] = [
      'wrong',
      'early',
      'unknown',
      'account',
      'glued',
      'twice',
    ].map(name => secrets.make(name))
    expect(await say(client, `PASS ${early}`)).toEqual([503])
    expect(await say(client, 'USER alice', `PASS ${wrong}`, 'USER nobody', `PASS ${unknown}`)).toEqual([
      331, 530, 331, 530,
    ])
    expect(
      await say(client, `ACCT ${account}`, `PASS${glued}`, `pass  ${twice}\u0000`, `ADAT ${account}`),
    ).not.toContain(230)
    expect(await say(client, 'USER alice', `PASS ${password}`)).toEqual([331, 230])
    // What a client says that believes itself to be elsewhere.
    await say(
      client,
      `PASS ${wrong}`,
      `SITE PSWD ${wrong} ${twice}`,
      `SITE ${account}`,
      `ACCT ${account}`,
      `OPTS ${glued}`,
    )
    await say(client, `STAT`, 'HELP')
    client.close()
    const other = await FtpClient.connect(server.port)
    expect(await say(other, 'USER bob', `PASS ${secrets.get('passwordFile')}`)).toEqual([331, 230])
    other.close()
    const tls = await FtpClient.connect(server.port)
    await tls.startTls()
    expect(await say(tls, 'USER alice', `PASS ${wrong}`, 'USER alice', `PASS ${password}`)).toEqual([
      331, 530, 331, 230,
    ])
    tls.close()
    await eventually(() => server.output().stdout.includes('"msg":"session closed"'), 'the sessions are logged')
    expect(server.output().stdout).toContain('"verb":"PASS"')
    expect(secrets.foundIn(await shown())).toEqual([])
  })
})

/** Slips of the kind that people make when they write lists by hand; `@` is where the secret is. */
const slipsInLists: Readonly<Record<string, string>> = {
  'a password in clear': '{ users: [{ name: carol, password: "@" }] }',
  'a password in place of its hash': '{ users: [{ name: carol, passwordHash: "@" }] }',
  'a hash of an unknown kind': '{ users: [{ name: carol, passwordHash: "$9$@$@" }] }',
  'a list of hashes': '{ users: [{ name: carol, passwordHash: ["@"] }] }',
  'a password in place of the user': 'users:\n  - "@ with words"\n',
  'a mapping in place of the list': 'users:\n  carol: "@"\n',
  'a password as the name': '{ users: [{ name: "@ !", passwordHash: "@" }] }',
  'a key and its value without a space in braces': '{ users: [{ name: carol, passwordHash:@ }] }',
  'a key and its value with an equals sign': '{ users: [{ name: carol, passwordHash=@ }] }',
  'a value that is a key of another key': '{ users: [{ name: carol, passwordHash: { "$2b$12$@": 1 } }] }',
  'a hash for a key': 'users:\n  - name: carol\n    ? $argon2id$@\n    : yes\n',
  'a colon that is missing': 'users:\n  - name: carol\n    passwordHash @\n    home: /\n',
  'a quote that is missing': 'users:\n  - name: carol\n    passwordHash: "@\n',
  'a tab': 'users:\n\t- name: carol\n\t  passwordHash: "@"\n',
  'an alias': 'users:\n  - name: carol\n    passwordHash: *@\n',
  'a tag': 'users:\n  - name: carol\n    passwordHash: !@ x\n',
  'an escape': 'users:\n  - name: carol\n    passwordHash: "\\q@"\n',
  'a directive': '%@ 1\n---\nusers: []\n',
  'the same key twice': 'users:\n  - name: carol\n    passwordHash: "@"\n    passwordHash: "@"\n',
  'broken JSON': '{"users": [{"name": "carol", "passwordHash": "@" "home": "/"}]}',
  'a password with a colon': 'users:\n  - name: carol\n    passwordHash: @: more: @\n',
  'a secret in a home': '{ users: [{ name: carol, passwordHash: "@", home: "@" }] }',
  'a secret for a fingerprint': '{ users: [{ name: carol, clientCertificate: { fingerprint: "@" } }] }',
  'a secret in a network': '{ users: [{ name: carol, passwordHash: "@", allowedNetworks: ["@"] }] }',
  'a secret in permissions': '{ users: [{ name: carol, passwordHash: "@", permissions: ["@"], role: "@" }] }',
  'a secret in an expiry': '{ users: [{ name: carol, passwordHash: "@", expires: "@" }] }',
}

describe('Broken lists of users', () => {
  test.each(Object.entries(slipsInLists))('%s is told without the secret', async (what, text) => {
    await breakFile('users/slip.yaml', text.replaceAll('@', secrets.make(what)))
    expect(secrets.foundIn(await shown())).toEqual([])
  })

  test('lines of htpasswd, password files and bytes that are no text are told without the secret', async () => {
    const secret = secrets.make('elsewhere')
    const lines = [
      secret,
      `carol:${secret}`,
      `carol:$1$${secret}$${secret}`,
      `${secret}!:x`,
      `:${secret}`,
      `dora:{SHA}${secret}`,
    ]
    await breakFile('users/slip.htpasswd', lines.join('\n'))
    await replaceFile(server, 'users/erin.password', `$1$${secret}$${secret}`)
    await breakFile('users/files.yaml', '{ users: [{ name: erin, passwordFile: erin.password }] }', 'erin')
    const bytes = Buffer.from(`users: ["${secret}\xff"]`, 'latin1')
    await breakFile('users/bytes.yaml', bytes)
    expect(secrets.foundIn(await shown())).toEqual([])
  })
})

describe('Broken certificates and settings', () => {
  test('keys that are cut, of another certificate, or in the wrong file are told without the key', async () => {
    const other = await selfSigned('other')
    const body = other.key.split('\n').filter(text => text.length > 40)
    for (const line of body) secrets.add(line)
    const broken: readonly (readonly [string, string])[] = [
      ['tls/tls.key', other.key],
      ['tls/tls.key', other.key.slice(0, 600)],
      [
        'tls/tls.key',
        `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${body.join('\n')}\n-----END ENCRYPTED PRIVATE KEY-----\n`,
      ],
      ['tls/tls.crt', other.key],
      ['tls/ca.crt', other.key],
    ]
    for (const [file, text] of broken) {
      await breakFile(file, text)
      await mendFile(file, mounted.get(file) ?? '')
    }
    expect(secrets.foundIn(await shown())).toEqual([])
  })

  test('a user list or a key that lies in server.yaml is told without its secrets', async () => {
    const secret = secrets.make('server.yaml')
    for (const text of [
      JSON.stringify({ ...goodList, passwordHash: secret }),
      `users: [{ name: carol, password: "${secret}" }`,
      `limits: { idleTimeoutSeconds: "${secret}" }\nbanner: ["${secret}"]\npassive: ${secret}\n`,
      `{ tls: { key:${secret} } }`,
      `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`,
    ]) {
      await breakFile('server.yaml', text)
    }
    expect(secrets.foundIn(await shown())).toEqual([])
  })
})
