/** Quotas hold to the byte, however many upload at once and in whatever process. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

const modes = ['direct', 'atomic'] as const

async function start(options: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const server = await startServer(options)
  onTestFinished(() => server.stop())
  return server
}

async function logIn(server: TestServer, user = 'alice'): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  onTestFinished(() => client.close())
  await client.login(user)
  await client.send('TYPE I')
  return client
}

/** The code that an upload ends with. */
async function put(client: FtpClient, command: string, bytes: number): Promise<number> {
  return (await client.upload(command, Buffer.alloc(bytes, 'x'))).end.code
}

function stored(directory: string): { bytes: number; files: number } {
  const sizes = readdirSync(directory, { recursive: true, encoding: 'latin1' })
    .map(name => statSync(join(directory, name), { throwIfNoEntry: false }))
    .flatMap(stats => (stats?.isFile() === true ? stats.size : []))
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), files: sizes.length }
}

const alice = (quota: Record<string, number>) => simpleUser('alice', { home: '/alice', quota })

describe.each(modes)('With %s uploads, a quota of bytes', mode => {
  test.each([1, 2])(
    'is filled to the last byte by 20 uploads at once, and never exceeded, with workers: %i',
    async workers => {
      const maxBytes = 5_000_001
      const server = await start({ server: { uploads: { mode }, workers }, users: [alice({ maxBytes })] })
      const home = join(server.root, 'alice')
      const clients = await Promise.all(Array.from({ length: 20 }, () => logIn(server)))
      const [client = await logIn(server)] = clients
      // Of the others, none need get through: all may be as far when it is full.
      expect(await put(client, 'STOR first', 1000)).toBe(226)
      let most = 0
      const watch = setInterval(() => (most = Math.max(most, stored(home).bytes)), 1)
      const codes = await Promise.all(clients.map((each, index) => put(each, `STOR file-${index}`, 400_000 + index)))
      clearInterval(watch)
      expect(most).toBeGreaterThan(0)
      expect(most).toBeLessThanOrEqual(maxBytes)
      expect(codes.filter(code => code !== 226 && code !== 552)).toEqual([])
      expect(codes).toContain(552)
      expect(stored(home).bytes).toBe(maxBytes)

      expect(await put(client, 'STOR more', 1)).toBe(552)
      expect((await client.send('DELE first')).code).toBe(250)
      const room = maxBytes - stored(home).bytes
      expect(await put(client, 'STOR exact', room)).toBe(226)
      expect(await put(client, 'APPE exact', 1)).toBe(552)
      expect(stored(home).bytes).toBe(maxBytes)
    },
  )

  test('lets all in that fit together', async () => {
    const server = await start({ server: { uploads: { mode } }, users: [alice({ maxBytes: 20 * 300_000 })] })
    const clients = await Promise.all(Array.from({ length: 20 }, () => logIn(server)))
    const codes = await Promise.all(clients.map((client, index) => put(client, `STOR ${index}`, 300_000)))
    expect(codes).toEqual(codes.map(() => 226))
  })

  test('gives back what is replaced, deleted or broke off', async () => {
    const server = await start({ server: { uploads: { mode } }, users: [alice({ maxBytes: 1000 })] })
    const client = await logIn(server)
    expect(await put(client, 'STOR a', 400)).toBe(226)
    for (let round = 0; round < 3; round += 1) expect(await put(client, 'STOR a', 500)).toBe(226)
    expect(await put(client, 'STOR b', 500)).toBe(226)
    expect(await put(client, 'APPE b', 1)).toBe(552)
    // What is written over needs no room, but for a copy.
    await client.send('REST 100')
    expect(await put(client, 'STOR a', 400)).toBe(mode === 'direct' ? 226 : 552)
    await client.send('RNFR a')
    expect((await client.send('RNTO b')).code).toBe(250)
    const data = await client.passive()
    await client.send('STOR c')
    data.write(Buffer.alloc(300))
    await eventually(() => stored(join(server.root, 'alice')).bytes === 800 || undefined, '300 bytes are there')
    data.resetAndDestroy()
    await client.reply()
    expect((await client.send('DELE c')).code).toBe(250)
    expect(await put(client, 'STOR d', 500)).toBe(226)
    expect(stored(join(server.root, 'alice')).bytes).toBe(1000)
    expect(await put(client, 'STOR e', 1)).toBe(552)
  })

  test('counts what was there before, and refuses with ALLO what can’t fit', async () => {
    const server = await start({ server: { uploads: { mode } }, users: [alice({ maxBytes: 1000 })] })
    mkdirSync(join(server.root, 'alice/deep/er'), { recursive: true })
    writeFileSync(join(server.root, 'alice/deep/er/file'), Buffer.alloc(600))
    writeFileSync(join(server.root, 'beside'), Buffer.alloc(5000))
    const client = await logIn(server)
    expect((await client.send('ALLO 401')).code).toBe(552)
    expect((await client.send('ALLO 400')).code).toBe(200)
    expect((await client.send('ALLO 99999999999999999999')).code).toBe(552)
    expect(await put(client, 'STOR a', 400)).toBe(226)
    expect(await put(client, 'STOR b', 1)).toBe(552)
  })
})

describe.each(modes)('With %s uploads, a quota of files', mode => {
  test('refuses new names, and takes the old ones', async () => {
    const server = await start({ server: { uploads: { mode } }, users: [alice({ maxFiles: 3 })] })
    const client = await logIn(server)
    for (const name of ['a', 'b']) expect(await put(client, `STOR ${name}`, 10)).toBe(226)
    expect(await put(client, 'STOR a', 20)).toBe(226)
    expect(await put(client, 'APPE b', 20)).toBe(226)
    expect(await put(client, 'STOU c', 10)).toBe(226)
    for (const command of ['STOR d', 'APPE d', 'STOU']) expect(await put(client, command, 10)).toBe(552)
    expect((await client.send('DELE c')).code).toBe(250)
    expect(await put(client, 'STOR d', 10)).toBe(226)
    expect(await put(client, 'STOR e', 10)).toBe(552)
    expect(stored(join(server.root, 'alice'))).toMatchObject({ files: 3 })
  })

  test('is never exceeded by uploads at once', async () => {
    const server = await start({ server: { uploads: { mode } }, users: [alice({ maxFiles: 7 })] })
    const clients = await Promise.all(Array.from({ length: 20 }, () => logIn(server)))
    const codes = await Promise.all(clients.map((client, index) => put(client, `STOR ${index}`, 10)))
    expect(codes.filter(code => code === 226)).toHaveLength(7)
    expect(stored(join(server.root, 'alice'))).toEqual({ files: 7, bytes: 70 })
  })
})

describe('The quota of a directory', () => {
  const users = [simpleUser('alice', { home: '/alice', quota: { maxBytes: 1000 } }), simpleUser('bob', { home: '/' })]
  const server = { quotas: [{ path: '/alice/inbox', maxBytes: 300, maxFiles: 2 }] }

  test('holds for everybody, beside that of the user, whose home others fill as well', async () => {
    const running = await start({ server, users })
    const client = await logIn(running)
    const bob = await logIn(running, 'bob')
    await client.send('MKD inbox')
    expect(await put(client, 'STOR inbox/a', 200)).toBe(226)
    expect(await put(bob, 'STOR alice/inbox/b', 101)).toBe(552)
    expect((await bob.send('DELE alice/inbox/b')).code).toBe(250)
    // The user’s own quota is not his.
    expect(await put(bob, 'STOR alice/large', 700)).toBe(226)
    expect(await put(client, 'STOR c', 101)).toBe(552)
    expect((await client.send('DELE c')).code).toBe(250)
    expect(await put(client, 'STOR c', 100)).toBe(226)
    expect(await put(bob, 'STOR alice/more', 5000)).toBe(226)
  })

  test('holds for what is moved there, and is given back by what is moved away', async () => {
    const running = await start({ server, users })
    const client = await logIn(running)
    const move = async (from: string, to: string) => {
      await client.send(`RNFR ${from}`)
      return (await client.send(`RNTO ${to}`)).code
    }
    for (const directory of ['inbox', 'other']) await client.send(`MKD ${directory}`)
    expect(await put(client, 'STOR inbox/a', 100)).toBe(226)
    expect(await put(client, 'STOR other/b', 150)).toBe(226)
    expect(await put(client, 'STOR other/c', 60)).toBe(226)
    expect(await move('other', 'inbox/other')).toBe(552)
    expect(await move('other/b', 'inbox/b')).toBe(250)
    expect(await move('inbox/b', 'inbox/renamed')).toBe(250)
    expect(await put(client, 'APPE inbox/a', 51)).toBe(552)
    expect(await move('inbox/renamed', 'other/b')).toBe(250)
    // In a file that is there already, what fitted before.
    expect(await put(client, 'STOR inbox/d', 150)).toBe(226)
  })
})
