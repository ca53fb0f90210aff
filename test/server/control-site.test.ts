/** What SITE commands do: links, copies, the list of sessions, quotas, and the idle timeout. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { roles } from '../../server/config/schema/permissions.ts'
import { layOut } from '../support/conformance/conformance.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

const admin = [...roles['read-write'], 'symlink', 'who']

describe('SITE SYMLINK', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer({
      users: [
        simpleUser('alice', { home: '/alice', permissions: admin, paths: [{ path: '/secret', permissions: [] }] }),
        simpleUser('bob', { home: '/alice' }),
      ],
    })
  })
  beforeEach(async () => {
    await layOut(join(server.root, 'alice'))
    mkdirSync(join(server.root, 'alice/secret'))
    writeFileSync(join(server.root, 'alice/secret/file'), 'secret')
  })
  afterAll(() => server.stop())

  it('makes links that lead to the same wherever the home is', async () => {
    const client = await loggedIn(server)
    expect((await client.send('SITE SYMLINK /file "/dir/a link"')).code).toBe(200)
    expect((await client.send('SITE SYMLINK ../empty dir/up')).code).toBe(200)
    expect((await client.send('SITE SYMLINK dir there')).code).toBe(200)
    const home = join(server.root, 'alice')
    const written = ['dir/a link', 'dir/up', 'there'].map(name => readlinkSync(join(home, name)))
    expect(written).toEqual(['../file', '../empty', 'dir'])
    expect((await client.download('RETR there/a link')).bytes.toString()).toBe('0123456789')
  })

  it('makes none through a link that lead elsewhere than it says', async () => {
    const client = await loggedIn(server)
    mkdirSync(join(server.root, 'alice/dir/deep'))
    await client.send('SITE SYMLINK dir/deep near')
    expect((await client.send('SITE SYMLINK /file near/link')).code).toBe(200)
    expect(readlinkSync(join(server.root, 'alice/dir/deep/link'))).toBe('../../file')
    expect((await client.download('RETR near/link')).bytes.toString()).toBe('0123456789')
  })

  it.each([
    ['/../../etc/passwd', 550],
    ['/etc/passwd', 550],
    ['../../..', 200],
    ['/secret', 550],
    ['/secret/file', 550],
    ['missing', 550],
    ['a\0b', 553],
  ])('to %j never leads outside or to what is forbidden', async (target, code) => {
    const client = await loggedIn(server)
    expect((await client.send(`SITE SYMLINK "${target}" link`)).code).toBe(code)
    const home = join(server.root, 'alice')
    if (code === 200) expect(readlinkSync(join(home, 'link'))).toBe('.')
    else expect(readdirSync(home).toSorted()).toEqual(['dir', 'empty', 'file', 'secret'])
  })

  it('replaces nothing, needs its own permission, and is not there where links are not followed', async () => {
    const client = await loggedIn(server)
    expect((await client.send('SITE SYMLINK dir file')).code).toBe(550)
    expect((await client.send('SITE SYMLINK dir /')).code).toBe(550)
    expect((await client.send('SITE SYMLINK dir')).code).toBe(501)
    expect((await (await loggedIn(server, 'bob')).send('SITE SYMLINK dir link')).code).toBe(550)
    const strict = await temporaryServer({
      server: { storage: { symlinks: { policy: 'deny' } } },
      users: [simpleUser('alice', { permissions: admin })],
    })
    await layOut(strict.root)
    const other = await loggedIn(strict)
    expect((await other.send('SITE SYMLINK dir link')).code).toBe(504)
    expect((await other.send('FEAT')).lines).not.toContain(' SITE SYMLINK')
    expect(readdirSync(strict.root)).not.toContain('link')
  })
})

describe.each([1, 2])('with %i processes', workers => {
  let server: TestServer

  beforeAll(async () => {
    server = await startServer({
      server: {
        workers,
        limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 },
        quotas: [{ path: '/', maxBytes: 1000 }],
      },
      users: [
        simpleUser('alice', { permissions: admin }),
        simpleUser('bob', { home: '/bob', quota: { maxBytes: 50, maxFiles: 3 } }),
      ],
    })
  })
  afterAll(() => server.stop())

  it('SITE WHO lists the sessions of all of them, with their transfers, for who may see it', async () => {
    const [client, bob] = [await loggedIn(server), await loggedIn(server, 'bob')]
    const data = await bob.passive()
    expect((await bob.send('STOR upload')).code).toBe(150)
    const { code, lines } = await client.send('SITE WHO')
    expect(code).toBe(200)
    expect(lines.slice(1, -1).toSorted()).toEqual([
      expect.stringMatching(/^ alice from 127\.0\.0\.1 since \d{4}-\S+Z: no transfer$/),
      expect.stringMatching(/^ bob from 127\.0\.0\.1 since \S+: STOR \/upload, 0 bytes$/),
    ])
    data.destroy()
    await bob.reply()
    expect((await bob.send('SITE WHO')).code).toBe(550)
  })

  it('SITE QUOTA tells what is used of each quota, and copies count', async () => {
    rmSync(join(server.root, 'bob'), { recursive: true })
    const fresh = await temporaryServer({
      server: { workers, limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 } },
      users: [simpleUser('bob', { home: '/bob', quota: { maxBytes: 50, maxFiles: 3 } })],
    })
    const client = await loggedIn(fresh, 'bob')
    await client.upload('STOR file', 'x'.repeat(20))
    expect((await client.send('SITE QUOTA')).lines.slice(1, -1)).toEqual([' /: 20 of 50 bytes, 1 of 3 files'])
    expect((await client.send('SITE COPY file copy')).code).toBe(250)
    expect((await client.send('SITE QUOTA')).lines.slice(1, -1)).toEqual([' /: 40 of 50 bytes, 2 of 3 files'])
    expect((await client.send('SITE COPY file third')).code).toBe(552)
    expect((await client.send('SITE COPY file copy')).code).toBe(250)
    expect(readFileSync(join(fresh.root, 'bob/copy'), 'utf8')).toBe('x'.repeat(20))
  })
})

describe('SITE COPY', () => {
  it('copies large files, keeps what is there until it is whole where uploads do, and ends with ABOR', async () => {
    const server = await temporaryServer({ server: { uploads: { mode: 'atomic' } } })
    const bytes = Buffer.alloc(5_000_001, 'abc')
    writeFileSync(join(server.root, 'large'), bytes)
    writeFileSync(join(server.root, 'old'), 'old')
    const client = await loggedIn(server)
    client.write('SITE COPY large old\r\nABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
    expect(readFileSync(join(server.root, 'old'), 'utf8')).toBe('old')
    expect((await client.send('SITE COPY large old')).code).toBe(250)
    expect(readFileSync(join(server.root, 'old')).equals(bytes)).toBe(true)
  })
})

describe('SITE UMASK', () => {
  it.each(['direct', 'atomic'])('holds for what the session makes, and only for that: uploads %s', async mode => {
    const server = await temporaryServer({
      server: { uploads: { mode } },
      users: [
        simpleUser('alice', { paths: [{ path: '/plain', permissions: ['upload', 'append', 'overwrite', 'mkdir'] }] }),
      ],
    })
    writeFileSync(join(server.root, 'old'), 'old', { mode: 0o640 })
    mkdirSync(join(server.root, 'plain'))
    const bits = (name: string) => (statSync(join(server.root, name)).mode & 0o777).toString(8)
    const client = await loggedIn(server)
    await client.upload('STOR before', 'data')
    await client.send('MKD dir-before')
    expect((await client.send('SITE UMASK 007')).code).toBe(200)
    for (const line of ['STOR new', 'APPE appended', 'STOR old', 'STOR plain/new']) {
      expect((await client.upload(line, 'data')).end.code).toBe(226)
    }
    expect((await client.upload('STOU unique', 'data')).end.code).toBe(226)
    for (const line of ['MKD dir', 'MKD plain/dir']) expect((await client.send(line)).code).toBe(257)
    expect((await client.send('SITE MKDIR a/b')).code).toBe(200)
    expect((await client.send('SITE COPY old copy')).code).toBe(250)
    expect(bits('copy')).toBe('660')
    expect(['new', 'appended', 'unique', 'old'].map(bits)).toEqual(['660', '660', '660', '640'])
    expect(['dir', 'a', 'a/b'].map(bits)).toEqual(['770', '770', '770'])
    // Who may not change them there gets what everybody gets.
    expect([bits('plain/new'), bits('plain/dir')]).toEqual([bits('before'), bits('dir-before')])
  })
})

describe('SITE IDLE', () => {
  it('has the session end sooner, and never later than the configuration', async () => {
    const server = await temporaryServer({ users: [simpleUser('alice', { limits: { idleTimeoutSeconds: 60 } })] })
    const client = await loggedIn(server)
    expect((await client.send('SITE IDLE 61')).code).toBe(501)
    expect((await client.send('SITE IDLE 1')).code).toBe(200)
    expect(await client.closed()).toBe('421 Idle timeout: closing.\r\n')
  })
})
