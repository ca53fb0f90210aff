/** Limits of transfers: at once, by user and by server, and in one session. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, type TestServer } from '../support/server.ts'
import { loggedIn, temporaryServer } from '../support/sessions.ts'

async function limited(
  limits: Record<string, unknown>,
  { users = [simpleUser('alice'), simpleUser('bob')], workers = 1 } = {},
): Promise<TestServer> {
  const server = await temporaryServer({
    users,
    server: { workers, limits: { ...limits, failedLoginDelayMilliseconds: 0 } },
  })
  await writeFile(join(server.root, 'file'), 'content')
  return server
}

/** An upload that goes on until it is told to end. */
async function begin(client: FtpClient, name: string): Promise<() => Promise<number>> {
  const data = await client.passive()
  expect((await client.send(`STOR ${name}`)).code).toBe(150)
  return async () => {
    data.end('content')
    return (await client.reply()).code
  }
}

describe.each([1, 2])('Transfers at once, with %i process(es)', workers => {
  it('are limited by user, whatever others do', async () => {
    const server = await limited({ maxTransfersPerUser: 1 }, { workers })
    const [first, second, bob] = [await loggedIn(server), await loggedIn(server), await loggedIn(server, 'bob')]
    const end = await begin(first, 'up')
    expect((await second.download('RETR file')).end.code).toBe(450)
    expect((await bob.download('RETR file')).end.code).toBe(226)
    expect(await end()).toBe(226)
    await eventually(async () => (await second.download('RETR file')).end.code === 226, 'there is a place again')
  })

  it('are limited for all together, and a session that is lost gives its place back', async () => {
    const server = await limited({ maxTransfers: 1 }, { workers })
    const [alice, bob] = [await loggedIn(server), await loggedIn(server, 'bob')]
    await begin(alice, 'up')
    const refused = await bob.upload('STOR file', 'other')
    expect(refused.opening.code).toBe(450)
    expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('content')
    expect((await bob.download('NLST')).end.code).toBe(226)
    alice.close()
    await eventually(async () => (await bob.download('RETR file')).end.code === 226, 'there is a place again')
  })
})

describe('A user’s own limit', () => {
  it('takes the place of the server’s', async () => {
    const users = [simpleUser('alice', { limits: { maxTransfers: 2 } })]
    const server = await limited({ maxTransfersPerUser: 1 }, { users })
    const clients = [await loggedIn(server), await loggedIn(server), await loggedIn(server)]
    const [first, second, third] = clients
    if (first === undefined || second === undefined || third === undefined) throw new Error('no clients')
    const ends = [await begin(first, 'one'), await begin(second, 'two')]
    expect((await third.download('RETR file')).end.code).toBe(450)
    for (const end of ends) expect(await end()).toBe(226)
  })
})

describe('A session', () => {
  it('transfers so many files, and lists all the same', async () => {
    const server = await limited({ maxFilesPerSession: 2 })
    const client = await loggedIn(server)
    expect((await client.download('RETR file')).end.code).toBe(226)
    expect((await client.download('NLST')).end.code).toBe(226)
    expect((await client.upload('STOR up', 'content')).end.code).toBe(226)
    expect((await client.download('RETR file')).opening.code).toBe(550)
    expect((await client.upload('STOR file', 'other')).opening.code).toBe(550)
    expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('content')
    expect((await client.download('NLST')).end.code).toBe(226)
    expect((await (await loggedIn(server)).download('RETR file')).end.code).toBe(226)
  })

  it('transfers so many bytes, and finishes what it has begun', async () => {
    const users = [simpleUser('alice', { limits: { maxBytesPerSession: 10 } })]
    const server = await limited({ maxBytesPerSession: 1 }, { users })
    const client = await loggedIn(server)
    expect((await client.download('RETR file')).end.code).toBe(226)
    expect((await client.upload('STOR up', 'content')).end.code).toBe(226)
    expect((await client.download('RETR file')).opening.code).toBe(550)
  })
})
