/** Homes that are ordered to be removed, on a running server: what goes, what stays, and what it says of it. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { removedHomesFile } from '../../server/config/schema/removed-homes.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer, type TestServerOptions } from '../support/server.ts'

type Order = { readonly id: string; readonly user: string; readonly home: string; readonly hosts?: readonly string[] }

async function start(options: TestServerOptions): Promise<TestServer> {
  const server = await startServer(options)
  onTestFinished(() => server.stop())
  return server
}

function orderOf(...homes: readonly Order[]): string {
  return JSON.stringify({ homes })
}

function fill(directory: string, files = 3): void {
  for (const path of [directory, join(directory, 'sub/deep')]) {
    mkdirSync(path, { recursive: true })
    for (let index = 0; index < files; index += 1) writeFileSync(join(path, `file-${index}`), 'x')
  }
}

async function stateOf(server: TestServer, id: string) {
  return (await server.status()).removedHomes.find(each => each.id === id)
}

/** Waits until the server says so of an order. */
async function reached(server: TestServer, id: string, state: string) {
  await eventually(async () => (await stateOf(server, id))?.state === state, `${id} is ${state}`).catch(async () =>
    expect(await stateOf(server, id)).toMatchObject({ state }),
  )
  return await stateOf(server, id)
}

const alice = { id: 'order-1', user: 'alice', home: '/homes/alice' }
const bob = simpleUser('bob', { home: '/homes/bob' })
const root = simpleUser('root')

test.each([1, 2])(
  'the session of a user who is gone ends, the home goes with all that is in it, and others stay, with workers: %i',
  async workers => {
    const server = await start({ server: { workers }, users: [root, bob, simpleUser('alice', { home: alice.home })] })
    const home = join(server.root, alice.home)
    fill(home)
    fill(join(server.root, 'homes/bob'))
    const client = await FtpClient.connect(server.port)
    onTestFinished(() => client.close())
    await client.login('alice')
    await server.configure('users/users.yaml', { users: [root, bob] })
    await server.configure(removedHomesFile, orderOf(alice))
    expect(await reached(server, 'order-1', 'removed')).toEqual({ ...alice, state: 'removed', removed: 8 })
    expect(existsSync(home)).toBe(false)
    expect(readdirSync(join(server.root, 'homes'))).toEqual(['bob'])
    expect(readdirSync(join(server.root, 'homes/bob'))).toHaveLength(4)
    await eventually(async () => (await server.status()).sessionCount === 0, 'the session has ended')
    expect(server.log()).toContainEqual(
      expect.objectContaining({ msg: 'home removed', user: 'alice', home: alice.home, removed: 8 }),
    )
    const metrics = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
    expect(metrics).toMatch(/homes_removed_total 1$/m)
    // What comes there afterwards is somebody else's.
    fill(home)
    await server.reconfigure(removedHomesFile, orderOf({ ...alice, id: 'order-1' }, { ...alice, id: 'x', home: '/no' }))
    await reached(server, 'x', 'removed')
    expect(readdirSync(home)).toHaveLength(4)
    await server.reconfigure(removedHomesFile, orderOf())
    expect((await server.status()).removedHomes).toEqual([])
  },
)

const host = { name: 'acme.example', root: '/acme' }

test.each([
  ['everything', { home: '/' }, {}, /all of the server/],
  ['the home of a user', { home: '/homes/bob' }, {}, /of user bob/],
  ['what a home is below of', { home: '/homes' }, {}, /of user bob/],
  [
    'the home of a user who is disabled',
    {},
    { users: [simpleUser('carol', { home: '/homes/alice', disabled: true })] },
    /of user carol/,
  ],
  [
    'the home of another user of the name',
    {},
    { users: [simpleUser('alice', { home: '/homes/alice' })] },
    /of user al/,
  ],
  [
    'a folder in a user’s tree',
    {},
    { users: [simpleUser('eve', { folders: [{ path: '/f', target: '/homes/alice/sub' }] })] },
    /of user eve/,
  ],
  ['a folder of all', {}, { server: { folders: [{ path: '/f', target: '/homes/alice' }] } }, /of folder \/f/],
  ['the root of a host', { home: '/acme' }, { server: { hosts: [host] } }, /acme.example/],
  [
    'the home of another user at a host',
    { home: '/acme/bob' },
    { server: { hosts: [host] }, users: [simpleUser('bob', { home: '/bob' })] },
    /of user bob/,
  ],
  [
    'what anonymous users see',
    {},
    { server: { anonymous: { enabled: true, home: '/homes/alice' } } },
    /anonymous users/,
  ],
])(
  '%s is not removed, and why is told',
  async (_, order, { users = [bob], server: settings = {} }: TestServerOptions, why) => {
    const server = await start({ users, server: settings })
    for (const home of ['homes/alice', 'homes/bob', 'acme/bob']) fill(join(server.root, home))
    await server.reconfigure(removedHomesFile, orderOf({ ...alice, ...order }))
    expect((await reached(server, 'order-1', 'refused'))?.message).toMatch(why)
    for (const home of ['homes/alice', 'homes/bob', 'acme/bob']) {
      expect(readdirSync(join(server.root, home))).toHaveLength(4)
    }
    expect(server.log().filter(({ msg }) => msg === 'home not removed')).toHaveLength(1)
  },
)

test('a home at a host goes with that at the server, and only that at the hosts that the user had', async () => {
  const server = await start({
    users: [root],
    server: { hosts: [host, { name: 'own.example', root: '/own', users: 'own' }] },
  })
  const homes = ['homes/alice', 'acme/homes/alice', 'own/homes/alice']
  for (const home of homes) fill(join(server.root, home))
  await server.reconfigure(removedHomesFile, orderOf(alice))
  await reached(server, 'order-1', 'removed')
  expect(homes.map(home => existsSync(join(server.root, home)))).toEqual([false, false, true])
  await server.reconfigure(removedHomesFile, orderOf({ ...alice, id: 'order-2', hosts: ['Own.example'] }))
  await reached(server, 'order-2', 'removed')
  expect(existsSync(join(server.root, 'own/homes/alice'))).toBe(false)
})

test('links are removed, and neither they nor a link in place of a home are followed', async () => {
  const server = await start({ users: [root] })
  const outside = join(server.configurationDirectory, '../outside')
  fill(outside)
  fill(join(server.root, 'kept'))
  fill(join(server.root, 'homes/alice'))
  symlinkSync(outside, join(server.root, 'homes/alice/away'))
  symlinkSync('../../kept', join(server.root, 'homes/alice/near'))
  symlinkSync('../kept', join(server.root, 'homes/link'))
  symlinkSync('homes', join(server.root, 'way'))
  await server.reconfigure(
    removedHomesFile,
    orderOf(alice, { id: 'link', user: 'bob', home: '/homes/link' }, { id: 'way', user: 'carol', home: '/way/carol' }),
  )
  await reached(server, 'order-1', 'removed')
  expect((await reached(server, 'link', 'failed'))?.message).toMatch(/no directory, or a link/)
  expect((await reached(server, 'way', 'failed'))?.message).toMatch(/a link on the way/)
  for (const place of [outside, join(server.root, 'kept')]) expect(readdirSync(place)).toHaveLength(4)
})

test('who comes into the home meanwhile keeps what is left', async () => {
  const server = await start({ users: [root] })
  const home = join(server.root, 'homes/alice')
  fill(home, 3000)
  await server.reconfigure(removedHomesFile, orderOf(alice))
  await eventually(async () => ((await stateOf(server, 'order-1'))?.removed ?? 0) > 100, 'it is being removed')
  await server.reconfigure('users/users.yaml', { users: [root, simpleUser('new', { home: '/homes/alice' })] })
  await reached(server, 'order-1', 'refused')
  const left = readdirSync(home).length
  expect(left).toBeGreaterThan(0)
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login('new')
  expect(readdirSync(home)).toHaveLength(left)
  expect((await stateOf(server, 'order-1'))?.state).toBe('refused')
})

test.each([
  ['no JSON', '{', ''],
  ['a home that leads out', orderOf({ ...alice, home: '/../etc' }), 'homes[0].home'],
  ['a home without a slash', orderOf({ ...alice, home: 'homes/alice' }), 'homes[0].home'],
  ['an unknown key', JSON.stringify({ homes: [], all: true }), 'all'],
])('an order with %s removes nothing, is named, and is not in force', async (_, content, path) => {
  const server = await start({ users: [root] })
  fill(join(server.root, 'homes/alice'))
  const { hash } = await server.status()
  await server.configure(removedHomesFile, content)
  await eventually(async () => (await server.status()).problemCount > 0, 'the problem is told')
  const status = await server.status()
  expect(status).toMatchObject({ hash, removedHomes: [] })
  expect(status.problems[0]).toMatchObject({ file: removedHomesFile, ...(path !== '' && { path }) })
  expect(existsSync(join(server.root, 'homes/alice'))).toBe(true)
})

test('what is removed counts for no quota any more', async () => {
  const server = await start({
    server: { quotas: [{ path: '/homes', maxFiles: 10 }] },
    users: [root],
  })
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login('root')
  fill(join(server.root, 'homes/alice'), 5)
  expect((await client.upload('STOR /homes/one', Buffer.from('x'))).end.code).toBe(552)
  await server.reconfigure(removedHomesFile, orderOf(alice))
  await reached(server, 'order-1', 'removed')
  expect((await client.upload('STOR /homes/one', Buffer.from('x'))).end.code).toBe(226)
})
