import { expect, test } from 'vitest'
import { roles } from '../schema/permissions.ts'
import { isUserList, parseUserList, passwordFileCredential, readUserList } from './users.ts'

const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'

async function entries(path: string, text: string) {
  const list = await parseUserList(path, text)
  return list.accepted ? list.entries : []
}

test('a user of whom nothing but name and hash is said has a home of that name and may do everything', async () => {
  const [entry] = await entries('users/a.yaml', `users: [{name: alice, passwordHash: ${hash}}]`)
  expect(entry).toEqual({
    path: 'users[0]',
    name: 'alice',
    outcome: {
      kind: 'user',
      user: {
        name: 'alice',
        credential: { kind: 'password-hash', hash },
        home: '/alice',
        permissions: new Set(roles['read-write']),
        paths: [],
        limits: {},
        allowedNetworks: [],
        tls: 'optional',
        disabled: false,
        expires: undefined,
      },
    },
  })
})

test('everything that is said of a user is kept, the longest path first', async () => {
  const [entry] = await entries(
    'users/a.json',
    JSON.stringify({
      users: [
        {
          name: 'bob',
          clientCertificate: { fingerprint: Array.from({ length: 32 }, () => 'ab').join(':') },
          home: '/shared',
          role: 'read-only',
          paths: [
            { path: '/in', role: 'upload-only' },
            { path: '/in/private', permissions: [] },
          ],
          limits: { maxSessions: 2 },
          allowedNetworks: ['10.0.0.0/8'],
          tls: 'required',
          disabled: true,
          expires: '2030-01-31',
        },
      ],
    }),
  )
  expect(entry?.outcome).toMatchObject({
    kind: 'user',
    user: {
      credential: {
        kind: 'certificate',
        field: 'fingerprint',
        value: Array.from({ length: 32 }, () => 'AB').join(':'),
      },
      home: '/shared',
      permissions: new Set(['list', 'download']),
      paths: [
        { path: '/in/private', permissions: new Set() },
        { path: '/in', permissions: new Set(['upload', 'mkdir']) },
      ],
      limits: { maxSessions: 2 },
      allowedNetworks: [{ text: '10.0.0.0/8' }],
      tls: 'required',
      disabled: true,
      expires: Date.UTC(2030, 0, 31),
    },
  })
})

test('a bad entry leaves the others alone', async () => {
  const list = await entries(
    'users/a.yaml',
    `users: [{name: a, passwordHash: ${hash}}, 7, {name: c}, {name: d, passwordHash: ${hash}}]`,
  )
  expect(list.map(({ name, outcome }) => [name, outcome.kind])).toEqual([
    ['a', 'user'],
    [undefined, 'refused'],
    ['c', 'refused'],
    ['d', 'user'],
  ])
})

test('htpasswd lines are users; comments and empty lines are none; a bad line leaves the others alone', async () => {
  const list = await entries('users/a.htpasswd', `# people\n\nalice:${hash}\r\nbob\ncarol:{SHA}x\n:${hash}\n`)
  expect(list.map(({ path, name, outcome }) => [path, name, outcome.kind])).toEqual([
    ['line 3', 'alice', 'user'],
    ['line 4', undefined, 'refused'],
    ['line 5', 'carol', 'refused'],
    ['line 6', undefined, 'refused'],
  ])
})

test('a password file holds a password or its hash, with at most one line end', () => {
  const credential = (text: string) => passwordFileCredential(Buffer.from(text))
  expect(credential(`${hash}\n`)).toEqual({ kind: 'password-hash', hash })
  expect(credential('secret\r\n')).toEqual({ kind: 'password', password: 'secret' })
  expect(credential('secret \n')).toEqual({ kind: 'password', password: 'secret ' })
  expect(credential(`${'ä'.repeat(512)}\r\n`).kind).toBe('password')
  for (const bad of [
    '',
    '\n',
    'secret\n\n',
    'secret\r\nmore',
    'x'.repeat(1025),
    'ä'.repeat(513),
    '$1$salt$hash',
    '$apr1$salt$hash',
    '$2b$10$short',
  ]) {
    expect(credential(bad).kind).toBe('refused')
  }
  expect(passwordFileCredential(Buffer.from([0xff, 0xfe])).kind).toBe('refused')
})

test('other work runs between the batches of a long list', async () => {
  const users = Array.from({ length: 20_000 }, (_, index) => ({ name: `user${index}`, passwordHash: hash }))
  let turns = 0
  const counter = setInterval(() => turns++, 0)
  const list = await entries('users/a.json', JSON.stringify({ users }))
  clearInterval(counter)
  expect(list).toHaveLength(20_000)
  expect(turns).toBeGreaterThan(3)
})

test('lists are known by their names', () => {
  expect(['a.yaml', 'a/b.yml', 'a.json', 'a.htpasswd'].every(isUserList)).toBe(true)
  expect(['a.password', 'yaml', 'a.yaml~', 'a.yaml.bak'].some(isUserList)).toBe(false)
})

const many = Array.from({ length: 3000 }, (_, index) => ({ name: `user${index}`, passwordHash: hash, home: '/' }))

test.each([
  ['users/many.json', JSON.stringify({ users: many })],
  [
    'users/many.yaml',
    `users:\n${many.map(user => `  - name: ${user.name}\n    passwordHash: ${hash}\n    home: /\n`).join('')}`,
  ],
  [
    'users/many.yaml',
    `users: # which only all of YAML has\n${many.map(user => `  - {name: ${user.name},passwordHash: "${hash}",home: /}\n`).join('')}`,
  ],
])('a large list (%s) is read as a small one is, in another thread', async (path, text) => {
  expect(text.length).toBeGreaterThan(200_000)
  const list = await readUserList(path, Buffer.from(text))
  expect(list).toMatchObject(await parseUserList(path, text))
  expect(list.accepted && list.entries.map(({ name }) => name)).toEqual(many.map(({ name }) => name))
})

test('a large list leaves out bad entries, and tells their places', async () => {
  const users = many.map((user, index) => (index === 2500 ? { ...user, home: 'x' } : user))
  const list = await readUserList('users/many.json', Buffer.from(JSON.stringify({ users })))
  const refused = list.accepted ? list.entries.filter(({ outcome }) => outcome.kind === 'refused') : []
  expect(refused).toMatchObject([
    { path: 'users[2500]', name: 'user2500', outcome: { violations: [{ path: 'users[2500].home' }] } },
  ])
})

test.each([
  ['broken', `users:\n${'  - { name: a }\n'.repeat(20_000)}  - { name`, 'line 20002, column 11'],
  ['not a list of users', JSON.stringify({ people: many }), 'people'],
  ['too many', JSON.stringify({ users: Array.from({ length: 100_001 }, () => 0) }), 'users'],
])('a large list that is %s is refused as a whole', async (_, text, path) => {
  const list = await readUserList('users/many.yaml', Buffer.from(text))
  expect(list.accepted ? [] : list.violations.map(violation => violation.path)).toContain(path)
})

test('a large list that is no text is refused', async () => {
  const list = await readUserList('users/many.yaml', Buffer.alloc(200_000, 0xff))
  expect(list).toEqual({ accepted: false, violations: [{ path: '', message: 'must be text in UTF-8' }] })
})

test('a large list takes from the one before what is in it already, wherever it stands now', async () => {
  const entry = (index: number, more = {}) => ({ name: `user${index}`, passwordHash: hash, ...more })
  const before = Array.from({ length: 2000 }, (_, index) =>
    index === 7 ? { name: 'no name', home: '/' } : entry(index),
  )
  const read = async (users: readonly unknown[], last?: Awaited<ReturnType<typeof readUserList>>) => {
    const content = Buffer.from(JSON.stringify({ users }))
    const list = await readUserList('users/many.json', content, last?.accepted === true ? last : undefined)
    if (!list.accepted) throw new Error('The list was refused.')
    return list
  }
  const first = await read(before)
  const after = [entry(5000), ...before.slice(1, 10), entry(10, { home: '/elsewhere' }), ...before.slice(11)]
  const second = await read(after, first)
  expect(second).toEqual(await read(after))
  const same = second.entries.filter(({ outcome }, index) => outcome === first.entries[index]?.outcome)
  // Without the new one, the changed one, and the one that was refused.
  expect(same.length).toBe(before.length - 3)
  const moved = await read(after.slice(1), second)
  expect(moved).toEqual(await read(after.slice(1)))
  expect(moved.entries[0]?.outcome).toBe(second.entries[1]?.outcome)
})

test('a file of htpasswd takes lines from the one before', async () => {
  const lines = (names: readonly string[]) => names.map(name => `${name}:${hash}`).join('\n')
  const first = await parseUserList('users/a.htpasswd', lines(['anna', 'bob', 'carl']))
  if (!first.accepted) throw new Error('The list was refused.')
  const second = await parseUserList('users/a.htpasswd', `${lines(['anna', 'bert', 'carl'])}x`, first)
  expect(second).toEqual(await parseUserList('users/a.htpasswd', `${lines(['anna', 'bert', 'carl'])}x`))
  expect(second.accepted && second.entries[0]).toBe(first.entries[0])
})
