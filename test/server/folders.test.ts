import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pictureOf } from '../support/outside-canaries.ts'
import { pathCommands, tell } from '../support/path-commands.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

async function volume(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ftp-volume-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'dir'))
  await writeFile(join(directory, 'file'), 'of the volume')
  return directory
}

async function serverWith(server: Record<string, unknown>, users: readonly Record<string, unknown>[]) {
  return temporaryServer({ server, users })
}

async function linesOf(server: TestServer, command: string, user = 'alice'): Promise<string[]> {
  const client = await loggedIn(server, user)
  const { bytes } = await client.download(command)
  return bytes.toString('utf8').split('\r\n').slice(0, -1)
}

describe('folders', () => {
  it('of the server and of the user are in the user’s tree, for every command', async () => {
    const directory = await volume()
    const server = await serverWith({ folders: [{ path: '/volume', directory }] }, [
      simpleUser('alice', { home: '/alice', folders: [{ path: '/work/team', target: '/teams/a' }] }),
    ])
    const client = await loggedIn(server)
    expect((await client.send('CWD /work')).code).toBe(250)
    expect((await client.send('CWD team')).code).toBe(250)
    expect((await client.upload('STOR up', 'hello')).end.code).toBe(226)
    expect((await client.send('PWD')).text).toContain('"/work/team"')
    expect((await client.send('CDUP')).code).toBe(250)
    expect((await client.send('CWD ../volume/dir/..')).code).toBe(250)
    expect((await client.download('RETR file')).bytes.toString()).toBe('of the volume')
    expect((await client.upload('STOU', 'unique')).end.code).toBe(226)
    expect((await client.upload('STOR dir/new', 'more')).end.code).toBe(226)
    expect((await client.send('RNFR dir/new')).code).toBe(350)
    expect((await client.send('RNTO newer')).code).toBe(250)
    expect((await client.send('RNFR newer')).code).toBe(350)
    expect((await client.send('RNTO /work/team/newer')).code).toBe(504)
    expect((await client.send('SITE CPFR newer')).code).toBe(350)
    expect((await client.send('SITE CPTO /work/team/copy')).code).toBe(250)
    expect(readFileSync(join(server.root, 'teams/a/up'), 'utf8')).toBe('hello')
    expect(readFileSync(join(server.root, 'teams/a/copy'), 'utf8')).toBe('more')
    expect(readFileSync(join(directory, 'newer'), 'utf8')).toBe('more')
    expect(await readdir(join(server.root, 'alice'))).toEqual([])
    expect((await linesOf(server, 'NLST /')).map(name => name.replace('/', '')).toSorted()).toEqual(['volume', 'work'])
    expect((await linesOf(server, 'NLST /vol*')).length).toBeGreaterThan(0)
  })

  it('are directories in MLSD that can’t be renamed or removed, and are not', async () => {
    const directory = await volume()
    const server = await serverWith({ folders: [{ path: '/volume', directory }] }, [simpleUser('alice')])
    await mkdir(join(server.root, 'plain'))
    const facts = new Map(
      (await linesOf(server, 'MLSD')).map(line => line.split('; ', 2).toReversed() as [string, string]),
    )
    expect(facts.get('plain')).toMatch(/^type=dir;.*perm=cdeflmp;/)
    expect(facts.get('volume')).toMatch(/^type=dir;.*perm=celmp;/)
    const client = await loggedIn(server)
    for (const lines of [
      ['RMD /volume'],
      ['RNFR /volume', 'RNTO /x'],
      ['DELE /volume'],
      ['RMDA /volume'],
      ['MKD /volume'],
    ]) {
      let code = 0
      for (const line of lines) code = (await client.send(line)).code
      expect({ lines, code }).toEqual({ lines, code: 550 })
    }
    expect(existsSync(join(directory, 'file'))).toBe(true)
  })

  it('have the permissions that are said of them, and a user’s own paths go first', async () => {
    const directory = await volume()
    const server = await serverWith({ folders: [{ path: '/volume', directory, role: 'read-only' }] }, [
      simpleUser('alice'),
      simpleUser('bob', { paths: [{ path: '/volume/dir', role: 'read-write' }] }),
      simpleUser('carol', { role: 'read-only', folders: [{ path: '/in', target: '/in', role: 'read-write' }] }),
    ])
    const [alice, bob, carol] = [await loggedIn(server), await loggedIn(server, 'bob'), await loggedIn(server, 'carol')]
    expect((await alice.download('RETR /volume/file')).end.code).toBe(226)
    expect((await alice.upload('STOR /volume/dir/new', 'x')).end.code).toBe(550)
    expect((await bob.upload('STOR /volume/new', 'x')).end.code).toBe(550)
    expect((await bob.upload('STOR /volume/dir/new', 'x')).end.code).toBe(226)
    expect((await carol.upload('STOR /new', 'x')).end.code).toBe(550)
    expect((await carol.upload('STOR /in/new', 'x')).end.code).toBe(226)
  })

  it('that are read-only stay as they are under every command that takes a path', async () => {
    const directory = await volume()
    const server = await serverWith({ folders: [{ path: '/volume', directory, role: 'read-only' }] }, [
      simpleUser('alice'),
    ])
    await writeFile(join(server.root, 'mine'), 'mine')
    const before = pictureOf(directory)
    const client = await loggedIn(server)
    for (const [verb, command] of Object.entries(pathCommands)) {
      for (const path of ['/volume', '/volume/file', '/volume/new', '/volume/dir', '/volume/dir/new']) {
        await tell(client, command, path)
        expect({ verb, path, picture: pictureOf(directory) }).toEqual({ verb, path, picture: before })
      }
    }
  })

  it('are for those who are named, and for anonymous users only then', async () => {
    const directory = await volume()
    const server = await serverWith(
      {
        anonymous: { enabled: true, home: '/pub' },
        folders: [
          { path: '/all', directory },
          { path: '/bobs', directory, users: ['bob'] },
          { path: '/open', directory, users: ['anonymous'] },
        ],
      },
      [simpleUser('alice', { home: '/alice' }), simpleUser('bob', { home: '/bob' })],
    )
    const names = async (user: string) => (await linesOf(server, 'NLST', user)).toSorted()
    expect(await names('alice')).toEqual(['all'])
    expect(await names('bob')).toEqual(['all', 'bobs'])
    expect(await names('anonymous')).toEqual(['open'])
  })

  it('come and go with a reload, at the next command', async () => {
    const directory = await volume()
    const server = await serverWith({}, [simpleUser('alice')])
    const client = await loggedIn(server)
    expect((await client.send('CWD /volume')).code).toBe(550)
    const entry = simpleUser('alice', { folders: [{ path: '/volume', target: '/elsewhere' }] })
    await server.reconfigure('users/users.yaml', { users: [entry] })
    expect((await client.send('CWD /volume')).code).toBe(250)
    await server.reconfigure('users/users.yaml', { users: [simpleUser('alice')] })
    expect((await client.send('CWD /volume')).code).toBe(550)
    expect(existsSync(directory)).toBe(true)
  })

  it('count for the quotas of the directories they are', async () => {
    const server = await serverWith({ quotas: [{ path: '/teams', maxBytes: 10 }] }, [
      simpleUser('alice', { home: '/alice', quota: { maxFiles: 1 }, folders: [{ path: '/team', target: '/teams/a' }] }),
    ])
    const client = await loggedIn(server)
    expect((await client.upload('STOR /team/a', '12345')).end.code).toBe(226)
    expect((await client.upload('STOR /team/b', '123456')).end.code).toBe(552)
    expect((await client.upload('STOR /mine', '123456789012')).end.code).toBe(226)
    expect((await client.upload('STOR /more', '1')).end.code).toBe(552)
    expect((await client.upload('STOR /team/b', '12345')).end.code).toBe(226)
  })

  it('let no link lead out of them, nor around the permissions of their path', async () => {
    const directory = await volume()
    const server = await serverWith({ folders: [{ path: '/volume', directory }] }, [
      simpleUser('alice', { paths: [{ path: '/volume/dir', permissions: [] }] }),
    ])
    await writeFile(join(server.root, 'secret'), 'secret')
    await writeFile(join(directory, 'dir', 'hidden'), 'hidden')
    await symlink(join(server.root, 'secret'), join(directory, 'out'))
    await symlink('dir/hidden', join(directory, 'around'))
    await symlink('file', join(directory, 'within'))
    const client = await loggedIn(server)
    expect((await client.download('RETR /volume/out')).end.code).toBe(550)
    expect((await client.download('RETR /volume/around')).end.code).toBe(550)
    expect((await client.download('RETR /volume/within')).bytes.toString()).toBe('of the volume')
  })

  it('whose directory is missing keep nobody from logging in, and are there when it is', async () => {
    const directory = join(await volume(), 'later')
    const server = await serverWith({ folders: [{ path: '/volume', directory }] }, [simpleUser('alice')])
    const client = await loggedIn(server)
    expect((await client.download('NLST')).bytes.toString()).toBe('')
    expect((await client.send('CWD /volume')).code).toBe(550)
    await mkdir(directory)
    expect((await client.send('CWD /volume')).code).toBe(250)
    expect((await client.download('NLST /')).bytes.toString()).toContain('volume')
  })

  it.each([1, 2])('take atomic uploads, with %i processes', async workers => {
    const directory = await volume()
    const server = await serverWith(
      { workers, uploads: { mode: 'atomic' }, folders: [{ path: '/volume', directory }] },
      [simpleUser('alice')],
    )
    const client = await loggedIn(server)
    expect((await client.upload('STOR /volume/new', 'whole')).end.code).toBe(226)
    expect((await readdir(directory)).toSorted()).toEqual(['dir', 'file', 'new'])
  })
})
