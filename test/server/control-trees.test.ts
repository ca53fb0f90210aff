/** Commands on whole directories and on several files: RMDA, DSIZ, COMB, and what room there is. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { layOut } from '../support/conformance/conformance.ts'
import { eventually } from '../support/eventually.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'
import { loggedIn } from '../support/sessions.ts'

let server: TestServer
let shared: string

describe.each([1, 2])('with %i processes', workers => {
  beforeAll(async () => {
    server = await startServer({
      server: {
        workers,
        limits: { failedLoginDelayMilliseconds: 0, drainTimeoutSeconds: 1 },
        quotas: [{ path: '/', maxBytes: 1_000_000, maxFiles: 50_000 }],
        storage: { symlinks: { extraRoots: ['/tmp'] } },
      },
      users: [simpleUser('alice'), simpleUser('bob', { home: '/bob', quota: { maxBytes: 1000 } })],
    })
    shared = join(dirname(server.root), 'shared')
    mkdirSync(shared)
    writeFileSync(join(shared, 'kept'), 'kept')
  })
  beforeEach(() => layOut(server.root))
  afterAll(() => server.stop())

  describe('RMDA', () => {
    it('removes all that is in a directory, links too, and nothing that they lead to', async () => {
      const tree = join(server.root, 'tree')
      mkdirSync(join(tree, 'a/b/c'), { recursive: true })
      for (let number = 0; number < 2500; number += 1) writeFileSync(join(tree, 'a', `${number}`), '')
      for (const [name, target] of [
        ['inside', '../../dir'],
        ['outside', '/etc'],
        ['shared', shared],
        ['nowhere', 'missing'],
        ['circle', '.'],
      ] as const) {
        symlinkSync(target, join(tree, 'a/b', name))
      }
      const client = await loggedIn(server)
      expect((await client.send('RMDA tree')).code).toBe(250)
      expect(readdirSync(server.root).toSorted()).toEqual(['dir', 'empty', 'file'])
      expect(readdirSync(join(server.root, 'dir'))).toEqual(['inner'])
      expect(readdirSync(shared)).toEqual(['kept'])
    })

    it('is refused for a link to a directory', async () => {
      symlinkSync('dir', join(server.root, 'link'))
      symlinkSync(shared, join(server.root, 'away'))
      const client = await loggedIn(server)
      for (const name of ['link', 'away']) expect((await client.send(`RMDA ${name}`)).code).toBe(550)
      expect(existsSync(join(server.root, 'dir/inner'))).toBe(true)
      expect(readdirSync(shared)).toEqual(['kept'])
    })

    it('leaves what is being uploaded', async () => {
      const uploader = await loggedIn(server)
      const data = await uploader.passive()
      expect((await uploader.send('STOR dir/upload')).code).toBe(150)
      data.write('begun')
      await eventually(() => existsSync(join(server.root, 'dir/upload')), 'the upload has begun')
      const client = await loggedIn(server)
      expect((await client.send('RMDA dir')).code).toBe(450)
      data.end('whole')
      expect((await uploader.reply()).code).toBe(226)
      expect(readFileSync(join(server.root, 'dir/upload'), 'utf8')).toBe('begunwhole')
      expect((await client.send('RMDA dir')).code).toBe(250)
    })

    it('gives back to quotas what it has removed', async () => {
      const client = await loggedIn(server)
      const room = async () => Number((await client.send('AVBL')).text)
      const before = await room()
      await client.send('MKD new')
      await client.upload('STOR new/file', Buffer.alloc(1000))
      expect(await room()).toBe(before - 1000)
      await client.send('RMDA new')
      expect(await room()).toBe(before)
    })
  })

  describe('AVBL', () => {
    it('tells what the tightest quota leaves, to the byte', async () => {
      mkdirSync(join(server.root, 'bob'), { recursive: true })
      const client = await loggedIn(server, 'bob')
      const before = Number((await client.send('AVBL')).text)
      await client.upload('STOR file', 'x'.repeat(100))
      expect((await client.send('AVBL /')).text).toBe(String(before - 100))
      expect((await client.upload('STOR other', 'x'.repeat(before - 99))).end.code).toBe(552)
      await client.send('DELE other')
      expect((await client.send(`ALLO ${before - 100}`)).code).toBe(200)
      expect((await client.send('RMDA /')).code).toBe(550)
      await client.send('DELE file')
    })
  })
})

describe('without quotas', () => {
  beforeAll(async () => {
    server = await startServer()
  })
  beforeEach(() => layOut(server.root))
  afterAll(() => server.stop())

  it('AVBL tells what is free on the volume', async () => {
    const client = await loggedIn(server)
    const { bavail, bsize } = statfsSync(server.root)
    const told = Number((await client.send('AVBL')).text)
    expect(Math.abs(told - bavail * bsize)).toBeLessThan(1e9)
  })

  it('DSIZ counts each file once, though links lead in circles', async () => {
    writeFileSync(join(server.root, 'dir/large'), 'x'.repeat(100_000))
    symlinkSync('.', join(server.root, 'dir/circle'))
    symlinkSync('../dir', join(server.root, 'empty/dir'))
    const client = await loggedIn(server)
    expect((await client.send('DSIZ')).text).toBe('100015')
    expect((await client.send('DSIZ empty')).text).toBe('100005')
  })

  it('COMB puts parts together in their order, and deletes them', async () => {
    const client = await loggedIn(server)
    for (const [name, bytes] of Object.entries({ 'my part 1': 'one ', 'part"2': 'two ', part3: 'three' })) {
      writeFileSync(join(server.root, name), bytes)
    }
    expect((await client.send('COMB "a file" "my part 1" "part""2" "/part3"')).code).toBe(250)
    expect(readFileSync(join(server.root, 'a file'), 'utf8')).toBe('one two three')
    expect(readdirSync(server.root).toSorted()).toEqual(['a file', 'dir', 'empty', 'file'])
    expect((await client.send('COMB "a file" file')).code).toBe(250)
    expect(readFileSync(join(server.root, 'a file'), 'utf8')).toBe('one two three0123456789')
  })
})

it('COMB that does not fit into a quota is refused before anything is done', async () => {
  const small = await startServer({ users: [simpleUser('alice', { home: '/', quota: { maxBytes: 24 } })] })
  try {
    await layOut(small.root)
    const client = await loggedIn(small)
    expect((await client.send('COMB new file')).code).toBe(552)
    expect(readdirSync(small.root).toSorted()).toEqual(['dir', 'empty', 'file'])
    expect((await client.send('COMB new dir/inner')).code).toBe(250)
  } finally {
    await small.stop()
  }
})

it('RMDA ends with ABOR, and its session with the connection', async () => {
  server = await startServer()
  try {
    const many = join(server.root, 'many')
    mkdirSync(many)
    for (let number = 0; number < 20_000; number += 1) writeFileSync(join(many, `${number}`), '')
    const client = await loggedIn(server)
    client.write('RMDA many\r\nABOR\r\n')
    expect([(await client.reply()).code, (await client.reply()).code]).toEqual([426, 226])
    const left = readdirSync(many).length
    expect(left).toBeGreaterThan(0)
    client.write('RMDA many\r\n')
    client.socket.end()
    await eventually(async () => (await server.status()).sessionCount === 0, 'the session is over')
    expect(readdirSync(many).length).toBeGreaterThan(0)
    expect(readdirSync(many).length).toBeLessThanOrEqual(left)
  } finally {
    await server.stop()
  }
})
