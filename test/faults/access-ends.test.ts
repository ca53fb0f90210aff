/** Users who are removed, disabled or expired are sent away within two seconds; everybody else stays. */
import { afterEach, describe, expect, test } from 'vitest'
import { FtpClient } from '../support/ftp-client.ts'
import { ownTimeout } from '../support/own-time.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

const deadlineMilliseconds = 2000
const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(users: readonly Record<string, unknown>[]): Promise<TestServer> {
  const server = await startServer({ users, server: { limits: { drainTimeoutSeconds: 1 } } })
  cleanups.push(() => server.stop())
  return server
}

async function logIn({ port }: TestServer, user: string): Promise<FtpClient> {
  const client = await FtpClient.connect(port)
  cleanups.push(() => client.close())
  await client.login(user)
  return client
}

/** A session whose upload stands still. */
async function beginUpload(server: TestServer, user: string): Promise<FtpClient> {
  const client = await logIn(server, user)
  const data = await client.passive()
  data.on('error', () => undefined)
  cleanups.push(() => void data.destroy())
  await client.send(`STOR ${user}`)
  data.write('some bytes')
  return client
}

function inThreeDays(): string {
  const day = new Date(Date.now() + 3 * 86_400_000)
  return day.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' }).toLowerCase()
}

describe.each([
  ['removed', []],
  ['disabled', [simpleUser('bob', { disabled: true })]],
  ['expired', [simpleUser('bob', { expires: '2020-01-01' })]],
  ['moved to other networks', [simpleUser('bob', { allowedNetworks: ['192.0.2.0/24'] })]],
  ['only there on other days', [simpleUser('bob', { schedule: { windows: [{ days: [inThreeDays()] }] } })]],
  ['asked for TLS', [simpleUser('bob', { tls: 'required' })]],
])('A user who is %s', (_, bob) => {
  test('gets 421 while idle and 426 and 421 during a transfer, and nobody else notices', async () => {
    const server = await start([simpleUser('alice'), simpleUser('bob')])
    const idle = await logIn(server, 'bob')
    const uploading = await beginUpload(server, 'bob')
    const other = await logIn(server, 'alice')
    const otherUploading = await beginUpload(server, 'alice')
    using late = ownTimeout(deadlineMilliseconds)
    await server.configure('users/users.yaml', { users: [simpleUser('alice'), ...bob] })
    expect(await idle.closed()).toMatch(/^421 [^\r\n]+\r\n$/)
    expect(await uploading.closed()).toMatch(/^426 [^\r\n]+\r\n421 [^\r\n]+\r\n$/)
    expect(late.signal.aborted).toBe(false)
    expect((await other.send('NOOP')).code).toBe(200)
    expect((await otherUploading.send('STAT')).code).toBe(211)
    await expect((await FtpClient.connect(server.port)).login('bob')).rejects.toThrow('Not logged in: 530')
  })
})

describe('A user whose time runs out', () => {
  test('gets 421 without any change of the files', async () => {
    const expires = new Date(Date.now() + 5000)
    const server = await start([simpleUser('alice'), simpleUser('bob', { expires: expires.toISOString() })])
    const client = await logIn(server, 'bob')
    const other = await logIn(server, 'alice')
    using late = ownTimeout(expires.getTime() - Date.now() + deadlineMilliseconds)
    expect(await client.closed()).toMatch(/^421 /)
    expect(Date.now()).toBeGreaterThanOrEqual(expires.getTime())
    expect(late.signal.aborted).toBe(false)
    expect((await other.send('NOOP')).code).toBe(200)
  })
})

describe('A user with other permissions', () => {
  test('has them from the next command on, in the same session', async () => {
    const server = await start([simpleUser('alice', { role: 'read-only' })])
    const client = await logIn(server, 'alice')
    expect((await client.send('MKD new')).code).toBe(550)
    await server.reconfigure('users/users.yaml', { users: [simpleUser('alice', { role: 'read-write' })] })
    expect((await client.send('MKD new')).code).toBe(257)
    await server.reconfigure('users/users.yaml', { users: [simpleUser('alice', { role: 'read-only' })] })
    expect((await client.send('RMD new')).code).toBe(550)
  })
})
