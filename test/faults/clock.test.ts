/** A clock that jumps, as after a pause of the machine or by NTP: durations are not measured by it. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { replaceFile } from '../support/replace-file.ts'
import { simpleUser } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const preload = pathToFileURL(join(import.meta.dirname, '../support/jumping-clock.js')).href
let server: ServerProcess
let clients: FtpClient[]

beforeEach(async () => {
  clients = []
  server = await startServerProcess({
    preload,
    server: { limits: { idleTimeoutSeconds: 300, drainTimeoutSeconds: 60, failedLoginDelayMilliseconds: 0 } },
  })
})

afterEach(async () => {
  for (const client of clients) client.close()
  await server.dispose()
})

async function connect(): Promise<FtpClient> {
  const client = await FtpClient.connect(server.port)
  clients.push(client)
  return client
}

/** Sets the clock, by a day forward or back in turns, and lets the server look at its sessions. */
async function jump(): Promise<void> {
  const before = await hours()
  server.signal('SIGUSR2')
  await eventually(async () => Math.abs((await hours()) - before) > 20, 'the clock is set')
  await sweep()
}

/** The clock of the server as its log has it. */
async function hours(): Promise<number> {
  const probe = await FtpClient.connect(server.port)
  await probe.login()
  probe.close()
  const time = /"time":"([^"]+)"[^\n]*"logged in"/g
  const last = [...server.output().stdout.matchAll(time)].at(-1)?.[1] ?? ''
  return Date.parse(last) / 3_600_000
}

/** Waits until all sessions were looked at once more: a change of the configuration does that at once. */
function sweep(): Promise<void> {
  return reload('users/other.yaml', `users: [] # ${performance.now()}\n`)
}

/** By what is in force, not by what was logged: the line of an earlier change may come late. */
async function reload(file: string, content: string): Promise<void> {
  const { hash } = await server.status()
  await replaceFile(server, file, content)
  await eventually(async () => (await server.status()).hash !== hash, 'the configuration is in force')
}

describe('A clock that is set', () => {
  test('by a day ends no session, neither one at rest nor one that logs in', async () => {
    const resting = await connect()
    await resting.login()
    const arriving = await connect()
    for (let turn = 0; turn < 3; turn += 1) {
      await jump()
      expect((await resting.send('NOOP')).code).toBe(200)
      expect((await arriving.send('NOOP')).code).toBeLessThan(600)
    }
    await arriving.login()
    expect(server.output().stdout).not.toMatch(/idle timeout|login timeout|"fault"/)
  })

  test('past the end of a user’s time window ends the session, and lets the user in no more', async () => {
    const today = new Date().toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' }).toLowerCase()
    const schedule = { windows: [{ days: [today] }] }
    await reload('users/daily.yaml', JSON.stringify({ users: [simpleUser('daily', { schedule })] }))
    const client = await connect()
    await client.login('daily')
    await jump()
    expect(await client.closed()).toMatch(/^421 Your access has ended/)
    await expect((await connect()).login('daily')).rejects.toThrow('Not logged in: 530')
    expect(server.output().stdout).toContain('"reason":"user outside-schedule"')
  })

  test('cuts no transfer, nor the time that a draining server gives to it', async () => {
    const client = await connect()
    await client.login()
    await client.send('TYPE I')
    const data = await client.passive()
    await client.send('STOR file')
    data.write('first ')
    await jump()
    data.write('second ')
    await jump()
    server.signal('SIGTERM')
    await eventually(async () => (await server.probe('/readyz')).status === 503, 'it drains')
    // Two days later by the clock.
    server.signal('SIGUSR2')
    for (let look = 0; look < 50; look += 1) expect((await server.probe('/livez')).status).toBe(200)
    data.end('third')
    expect((await client.reply()).code).toBe(226)
    expect(await server.exited).toBe(0)
  })
})
