/** A process that drains goes on following its files: what ends or limits a session does so until the last one is over. */
import { writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(users: readonly Record<string, unknown>[]): Promise<ServerProcess> {
  const server = await startServerProcess({
    users,
    server: { limits: { drainTimeoutSeconds: 3600, failedLoginDelayMilliseconds: 0 } },
  })
  cleanups.push(() => server.dispose())
  return server
}

async function setUsers(server: ServerProcess, users: readonly Record<string, unknown>[]): Promise<void> {
  await writeFile(join(server.configurationDirectory, 'users/users.yaml'), stringify({ users }))
}

/** A session whose upload waits for more. */
async function beginUpload({ port }: ServerProcess, user: string): Promise<{ client: FtpClient; data: Socket }> {
  const client = await FtpClient.connect(port)
  cleanups.push(() => client.close())
  await client.login(user)
  await client.send('TYPE I')
  const data = await client.passive()
  data.on('error', () => undefined)
  cleanups.push(() => void data.destroy())
  await client.send(`STOR ${user}`)
  data.write('first half')
  return { client, data }
}

async function drain(server: ServerProcess): Promise<void> {
  server.signal('SIGTERM')
  await eventually(async () => (await server.probe('/readyz')).status === 503, 'it drains')
}

test('a user who is removed while it drains is sent away, and others finish', async () => {
  const server = await start([simpleUser('alice'), simpleUser('bob')])
  const alice = await beginUpload(server, 'alice')
  const bob = await beginUpload(server, 'bob')
  await drain(server)

  await setUsers(server, [simpleUser('alice')])
  expect(await bob.client.closed()).toMatch(/^426 [^\r\n]+\r\n421 [^\r\n]+\r\n$/)

  alice.data.end('second half')
  alice.data.resume()
  expect(await alice.client.closed()).toMatch(/^226 [^\r\n]+\r\n421 [^\r\n]+\r\n$/)
  expect(await server.exited).toBe(0)
})

test('a list with an error ends nobody while it drains, as at any other time', async () => {
  const server = await start([simpleUser('alice'), simpleUser('bob')])
  const alice = await beginUpload(server, 'alice')
  const bob = await beginUpload(server, 'bob')
  await drain(server)

  await writeFile(join(server.configurationDirectory, 'users/users.yaml'), 'users: {')
  await eventually(async () => (await server.status()).problemCount > 0, 'the error is known')
  for (const { client } of [alice, bob]) expect((await client.send('STAT')).code).toBe(211)
  // Of the same files, mended, the process must still take notice.
  await setUsers(server, [simpleUser('bob')])
  expect(await alice.client.closed()).toMatch(/^426 [^\r\n]+\r\n421 [^\r\n]+\r\n$/)

  bob.data.end('second half')
  bob.data.resume()
  expect(await bob.client.closed()).toMatch(/^226 [^\r\n]+\r\n421 [^\r\n]+\r\n$/)
  expect(await server.exited).toBe(0)
})
