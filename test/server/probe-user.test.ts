/** The user with whom something outside tries the way in: none of people's, wherever people are counted or told of. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { freePort, simpleUser, type TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { connected, loggedIn, temporaryServer } from '../support/sessions.ts'
import { startWebhook } from '../support/webhook.ts'

const users = [simpleUser('alice'), simpleUser('probe', { permissions: ['list', 'download'] })]

async function settings(more: Record<string, unknown>): Promise<Record<string, unknown>> {
  const probes = { port: await freePort('127.0.0.1'), addresses: ['127.0.0.1'], user: 'probe' }
  return { probes, bans: { enabled: true, exemptNetworks: [] }, ...more }
}

async function metricsOf({ probesPort }: Pick<TestServer, 'probesPort'>): Promise<string> {
  return (await fetch(`http://127.0.0.1:${probesPort}/metrics`)).text()
}

/** Lines of metrics that say more than 0. */
async function counted(server: TestServer, name: string): Promise<readonly string[]> {
  const lines = (await metricsOf(server)).split('\n').filter(line => line.startsWith(`ftp_${name}`))
  return lines.filter(line => !line.endsWith(' 0'))
}

/** Once the server has no session that counts. */
async function probing(server: TestServer): Promise<FtpClient> {
  const client = await loggedIn(server, 'probe')
  await eventually(async () => (await server.status()).sessionCount === 0, 'the session is not counted')
  return client
}

async function greeting({ port }: TestServer): Promise<number> {
  const client = await FtpClient.open(port)
  onTestFinished(() => client.close())
  return (await client.reply()).code
}

describe.each([1, 2])('The probe user, with %i process(es)', workers => {
  it('takes no place, and is in no status and no metric of what people do', async () => {
    const limits = { maxSessions: 2, maxSessionsPerAddress: 2, maxSessionsPerUser: 3, failedLoginDelayMilliseconds: 0 }
    const server = await temporaryServer({ users, server: await settings({ workers, limits }) })
    const probes = [await probing(server), await probing(server), await probing(server)]
    for (const probe of probes) expect((await probe.download('RETR probe')).end.code).toBe(226)
    expect((await probes[0]?.download('MLSD'))?.end.code).toBe(226)
    expect((await server.status()).sessions).toEqual([])
    for (const name of ['sessions{', 'logins_total', 'transfer', 'commands_total{verb="RETR"']) {
      expect(await counted(server, name)).toEqual([])
    }

    const people = [await loggedIn(server), await loggedIn(server)]
    expect((await server.status()).sessions.map(({ user }) => user)).toEqual(['alice', 'alice'])
    expect(await counted(server, 'sessions{')).toEqual(['ftp_sessions{listener="ftp"} 2'])
    expect(await greeting(server)).toBe(421)
    for (const client of [...probes, ...people]) client.close()
    await eventually(async () => (await counted(server, 'sessions{')).length === 0, 'all sessions have ended')
    expect(await metricsOf(server)).toContain('ftp_sessions{listener="ftp"} 0')
    // All places are free again, and no more than there were.
    const again = [await loggedIn(server), await loggedIn(server)]
    expect(await greeting(server)).toBe(421)
    for (const client of again) client.close()
  })

  it('has sessions up to its own limit', async () => {
    const limits = { maxSessionsPerUser: 1, failedLoginDelayMilliseconds: 0 }
    const server = await temporaryServer({ users, server: await settings({ workers, limits }) })
    const first = await probing(server)
    await expect(loggedIn(server, 'probe')).rejects.toThrow('530')
    first.close()
    await eventually(() => loggedIn(server, 'probe'), 'the place of the first is free')
  })

  it('commits no offences; who guesses its password does', async () => {
    const server = await temporaryServer({ users, server: await settings({ workers }) })
    const probe = await probing(server)
    for (let time = 0; time < 30; time += 1) await probe.send('NONSENSE')
    const stranger = await connected(server)
    await stranger.send('USER probe')
    expect((await stranger.send('PASS wrong')).code).toBe(530)
    const lines = await eventually(async () => {
      const found = await counted(server, 'offences_total')
      return found.length > 0 && found
    }, 'the offence is counted')
    expect(lines).toEqual(['ftp_offences_total{offence="wrong-password"} 1'])
    expect(await counted(server, 'logins_total')).toEqual(['ftp_logins_total{result="wrong-password"} 1'])
  })

  it('is counted again, as anybody, once it has logged out', async () => {
    const server = await temporaryServer({ users, server: await settings({ workers }) })
    const client = await probing(server)
    await client.send('REIN')
    await client.login('alice')
    expect(await counted(server, 'sessions{')).toEqual(['ftp_sessions{listener="ftp"} 1'])
    expect((await server.status()).sessions.map(({ user }) => user)).toEqual(['alice'])
    client.close()
    await eventually(async () => (await server.status()).sessions.length === 0, 'the session has ended')
    expect(await metricsOf(server)).toContain('ftp_sessions{listener="ftp"} 0')
  })

  it('is no longer there once it is another', async () => {
    const server = await temporaryServer({ users, server: await settings({ workers }) })
    const [probe, alice] = [await probing(server), await loggedIn(server)]
    const { port } = server
    const { probes, bans } = await settings({})
    const base = { listeners: [{ name: 'ftp', port, addresses: ['127.0.0.1'] }], root: server.root, workers, bans }
    await server.reconfigure('server.yaml', { ...base, probes: { ...(probes as object), user: 'alice' } })
    for (const client of [probe, alice]) {
      await client.send('NOOP').catch(() => undefined)
      expect(await client.closed()).toBe('')
    }
  })

  it('makes no events', async () => {
    const hook = await startWebhook()
    onTestFinished(() => hook.close())
    const directory = join('/tmp', `ftp-probe-user-${process.pid}-${workers}`)
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const events = { source: 'urn:test', sinks: [{ name: 'one', url: hook.url }] }
    const server = await temporaryServer({ users, server: await settings({ workers, events, state: { directory } }) })
    const [probe, alice] = [await probing(server), await loggedIn(server)]
    await probe.download('RETR probe')
    await alice.upload('STOR file', 'hello')
    await eventually(() => hook.taken.length > 0, 'an event has come')
    expect(hook.taken.map(({ event }) => [event.type, event.subject])).toEqual([['io.ftp-operator.upload', '/file']])
  })

  it('leaves no lines of transfers, nor others at the level info', async () => {
    const logging = { level: 'info', transfers: 'xferlog' }
    const probesPort = await freePort('127.0.0.1')
    const probes = { port: probesPort, addresses: ['127.0.0.1'], user: 'probe' }
    const server = await startServerProcess({ users, probesPort, server: await settings({ workers, logging, probes }) })
    try {
      const [probe, alice] = [await loggedIn(server, 'probe'), await loggedIn(server)]
      await probe.download('RETR probe')
      await probe.send('QUIT')
      await alice.upload('STOR file', 'hello')
      const text = await eventually(() => {
        const { stdout } = server.output()
        return stdout.includes('/file') && stdout
      }, 'the line of the other is there')
      expect(text.split('\n').filter(line => /\bprobe\b/.test(line))).toEqual([])
    } finally {
      await server.dispose()
    }
  })
})
