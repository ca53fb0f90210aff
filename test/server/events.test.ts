import { createHmac } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer, type TestServerOptions } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { loggedIn } from '../support/sessions.ts'
import { startWebhook, type Webhook } from '../support/webhook.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function webhook(port?: number): Promise<Webhook> {
  const hook = await startWebhook(port)
  closing.push(() => hook.close())
  return hook
}

type Sinks = readonly Record<string, unknown>[]

const settings = (sinks: Sinks, more: Record<string, unknown> = {}) => ({
  state: { directory: 'data-state' },
  events: { source: 'urn:test', sinks, ...more },
})

let states = 0

async function serverWith(sinks: Sinks, events: Record<string, unknown> = {}, options: TestServerOptions = {}) {
  states += 1
  const state = join('/tmp', `ftp-events-${process.pid}-${states}`)
  closing.push(() => rm(state, { recursive: true, force: true }))
  const server = await startServer({
    ...options,
    server: { ...settings(sinks, events), ...options.server, state: { directory: state } },
  })
  closing.push(() => server.stop())
  return { server, state }
}

const typesOf = (hook: Webhook): readonly string[] =>
  hook.taken.map(({ event }) => event.type.replace('io.ftp-operator.', ''))

async function storing(server: { readonly port: number }, ...names: readonly string[]): Promise<void> {
  const client = await loggedIn(server)
  for (const name of names) expect((await client.upload(`STOR ${name}`, 'abc')).end.code).toBe(226)
  await client.send('QUIT')
}

describe('events', () => {
  it.each([1, 2])('tell of what happens to files and logins, in order, with %i processes', async workers => {
    const hook = await webhook()
    const { server } = await serverWith([{ name: 'one', url: hook.url }], {}, { server: { workers } })
    const client = await loggedIn(server)
    await client.upload('STOR a', 'hello')
    await client.download('RETR a')
    await client.send('MKD d')
    await client.send('RNFR a')
    await client.send('RNTO d/b')
    await client.send('DELE d/b')
    await client.send('RMD d')
    await client.send('DELE nothing')
    await client.download('NLST')
    const stranger = await FtpClient.connect(server.port)
    await stranger.send('USER mallory')
    await stranger.send('PASS guess')
    await eventually(() => hook.taken.length === 6, 'all events are there')
    expect(typesOf(hook)).toEqual(['upload', 'download', 'rename', 'delete', 'delete', 'login-failed'])
    const events = hook.taken.map(({ event }) => event)
    const common = {
      user: 'alice',
      address: '127.0.0.1',
      listener: 'ftp',
      protocol: 'ftp',
      session: expect.any(String),
    }
    expect(events[0]).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source: 'urn:test',
      type: 'io.ftp-operator.upload',
      subject: '/a',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      datacontenttype: 'application/json',
      data: {
        ...common,
        port: expect.any(Number),
        path: '/a',
        bytes: 5,
        verb: 'STOR',
        durationSeconds: expect.any(Number),
        dataProtection: 'clear',
        dataConnection: 'passive',
      },
    })
    expect(events[2]).toMatchObject({ subject: '/d/b', data: { ...common, from: '/a', path: '/d/b' } })
    expect(events[3]).toMatchObject({ subject: '/d/b', data: { ...common, path: '/d/b', entry: 'file' } })
    expect(events[4]).toMatchObject({ subject: '/d', data: { ...common, path: '/d', entry: 'directory' } })
    expect(events[5]).toMatchObject({ subject: 'mallory', data: { user: 'mallory', reason: 'unknown-user' } })
    expect(JSON.stringify(events)).not.toContain('guess')
    expect(new Set(events.map(({ id }) => id)).size).toBe(6)
  })

  it('tell of copies, and of what is put together', async () => {
    const hook = await webhook()
    const { server } = await serverWith([{ name: 'one', url: hook.url, kinds: ['copy', 'delete'] }])
    const client = await FtpClient.connect(server.port)
    await client.login()
    await client.upload('STOR a', 'hello')
    for (const line of ['SITE COPY a b', 'SITE CPFR a', 'SITE CPTO c', 'SITE COPY nothing d', 'COMB all b c'])
      await client.send(line)
    await eventually(() => hook.taken.length === 5, 'all events are there')
    expect(typesOf(hook)).toEqual(['copy', 'copy', 'copy', 'delete', 'delete'])
    expect(hook.taken.slice(0, 3).map(({ event }) => event)).toMatchObject([
      { subject: '/b', data: { user: 'alice', from: '/a', path: '/b' } },
      { subject: '/c', data: { from: '/a', path: '/c' } },
      { subject: '/all', data: { parts: ['/b', '/c'], path: '/all' } },
    ])
  })

  it('tell how much of a file was moved, and what went over the connection where that is something else', async () => {
    const hook = await webhook()
    const { server } = await serverWith([{ name: 'one', url: hook.url, kinds: ['upload', 'download'] }])
    const client = await FtpClient.connect(server.port)
    await client.login()
    const content = 'line\n'.repeat(1000)
    await client.upload('STOR text', content.replaceAll('\n', '\r\n'))
    await client.send('TYPE I')
    await client.send('MODE Z')
    const deflated = deflateSync(content)
    await client.upload('STOR deflated', deflated)
    await client.download('RETR deflated')
    await client.send('MODE S')
    await client.download('RETR deflated')
    await eventually(() => hook.taken.length === 4, 'all events are there')
    expect(hook.taken.map(({ event }) => event.data)).toMatchObject([
      { path: '/text', bytes: 5000, wireBytes: 6000 },
      { path: '/deflated', bytes: 5000, wireBytes: deflated.length },
      { path: '/deflated', bytes: 5000, wireBytes: expect.any(Number) },
      { path: '/deflated', bytes: 5000 },
    ])
    expect(hook.taken[3]?.event.data).not.toHaveProperty('wireBytes')
  })

  it('tell of bans', async () => {
    const hook = await webhook()
    const { server } = await serverWith(
      [{ name: 'one', url: hook.url, kinds: ['ban'] }],
      {},
      {
        server: { bans: { threshold: 2, exemptNetworks: [] } },
      },
    )
    const stranger = await FtpClient.connect(server.port)
    await stranger.send('USER mallory')
    await stranger.send('PASS guess').catch(() => undefined)
    await eventually(() => hook.taken.length === 1, 'the ban is told')
    expect(hook.taken[0]?.event).toMatchObject({
      type: 'io.ftp-operator.ban',
      subject: '127.0.0.1',
      data: { address: '127.0.0.1', offence: 'unknown-user', count: 1 },
    })
  })

  it('go to each sink by its kinds', async () => {
    const [one, other] = [await webhook(), await webhook()]
    const { server } = await serverWith([
      { name: 'uploads', url: one.url, kinds: ['upload'] },
      { name: 'deletions', url: other.url, kinds: ['delete'], mode: 'binary' },
    ])
    const client = await loggedIn(server)
    await client.upload('STOR a', 'x')
    await client.send('DELE a')
    await eventually(() => one.taken.length === 1 && other.asked.length === 1, 'both are told')
    expect(typesOf(one)).toEqual(['upload'])
    expect(other.asked[0]?.headers).toMatchObject({ 'ce-type': 'io.ftp-operator.delete', 'ce-subject': '/a' })
    expect(JSON.parse(other.asked[0]?.body ?? '')).toMatchObject({ path: '/a', entry: 'file' })
  })

  it.each([503, 401, 302, 'reset'] as const)(
    'are sent again, in their order, to a sink that answers %s',
    async failure => {
      const hook = await webhook()
      hook.behaviour = failure
      const { server } = await serverWith([{ name: 'one', url: hook.url, maxRetrySeconds: 1 }])
      await storing(server, 'a', 'b', 'c')
      await eventually(() => hook.asked.length >= 2, 'it was tried twice')
      expect(new Set(hook.asked.map(({ event }) => event.subject))).toEqual(new Set(['/a']))
      hook.behaviour = 200
      await eventually(() => hook.taken.length === 3, 'all are taken')
      expect(hook.taken.map(({ event }) => event.subject)).toEqual(['/a', '/b', '/c'])
      const page = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
      expect(page).toMatch(/^ftp_events_sent_total\{sink="one"\} 3$/m)
      expect(page).toMatch(/^ftp_events_spooled_total 3$/m)
      expect(page).toMatch(/^ftp_event_failures_total\{sink="one",consequence="retry"\} [2-9]/m)
      expect(server.log().some(({ msg }) => msg === 'sink takes events again')).toBe(true)
    },
  )

  it('that a sink refuses for what they are do not hold up the others', async () => {
    const hook = await webhook()
    hook.behaviour = 422
    const { server } = await serverWith([{ name: 'one', url: hook.url }])
    await storing(server, 'a', 'b')
    await eventually(() => hook.asked.length === 2, 'both were sent')
    expect(hook.asked.map(({ event }) => event.subject)).toEqual(['/a', '/b'])
  })

  it('neither wait for a sink that hangs nor for one that is not there, and reach it when it is', async () => {
    const hook = await webhook()
    hook.behaviour = 'hang'
    const { server } = await serverWith([{ name: 'one', url: hook.url, timeoutSeconds: 1, maxRetrySeconds: 1 }], {
      durability: 'spooled',
    })
    await storing(server, 'a', 'b')
    expect(hook.taken).toEqual([])
    await hook.close()
    await storing(server, 'c')
    const again = await webhook(hook.port)
    await eventually(() => again.taken.length === 3, 'all are taken')
    expect(again.taken.map(({ event }) => event.subject)).toEqual(['/a', '/b', '/c'])
  })

  it('are signed with the secrets of a file, as it is now', async () => {
    const hook = await webhook()
    const { server, state } = await serverWith([])
    const secretFile = `${state}-secret`
    await writeFile(secretFile, 'old secret\n')
    await server.reconfigure('server.yaml', {
      ...(await serverYaml(server)),
      ...settings([{ name: 'one', url: hook.url, secretFile }]),
      state: { directory: state },
    })
    await storing(server, 'a')
    await eventually(() => hook.taken.length === 1, 'the first is there')
    await writeFile(`${secretFile}~`, 'new secret\nold secret\n')
    await rename(`${secretFile}~`, secretFile)
    await storing(server, 'b')
    await eventually(() => hook.taken.length === 2, 'the second is there')
    const signed = (secret: string, index: number): string => {
      const { headers = {}, body = '' } = hook.taken[index] ?? {}
      const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
      return `v1,${createHmac('sha256', secret).update(text).digest('base64')}`
    }
    expect(hook.taken[0]?.headers['webhook-signature']).toBe(signed('old secret', 0))
    expect(hook.taken[1]?.headers['webhook-signature']).toBe(`${signed('new secret', 1)} ${signed('old secret', 1)}`)
    expect(hook.taken[1]?.headers['webhook-id']).toBe(hook.taken[1]?.event.id)
    expect(Math.abs(Number(hook.taken[1]?.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60)
  })

  it('are not sent unsigned while the secret is missing', async () => {
    const hook = await webhook()
    const { server, state } = await serverWith([
      { name: 'one', url: hook.url, secretFile: `/tmp/ftp-events-missing-${process.pid}`, maxRetrySeconds: 1 },
    ])
    await storing(server, 'a')
    await eventually(() => server.log().some(({ msg }) => msg === 'event not taken by its sink'), 'it is told')
    expect(hook.asked).toEqual([])
    await writeFile(`/tmp/ftp-events-missing-${process.pid}`, 'secret')
    closing.push(() => rm(`/tmp/ftp-events-missing-${process.pid}`))
    await eventually(() => hook.taken.length === 1, 'it is sent')
    expect(await readdir(join(state, 'events'))).toHaveLength(1)
  })

  it('that could not be delivered wait on the disk for the next start', async () => {
    const hook = await webhook()
    hook.behaviour = 503
    const { server, state } = await serverWith([{ name: 'one', url: hook.url }])
    await storing(server, 'a', 'b')
    await server.application.stop()
    hook.behaviour = 204
    const next = await startServer({
      server: { ...settings([{ name: 'one', url: hook.url }]), state: { directory: state } },
    })
    closing.push(() => next.stop())
    await eventually(() => hook.taken.length === 2, 'both are there')
    expect(hook.taken.map(({ event }) => event.subject)).toEqual(['/a', '/b'])
    await next.application.stop()
    expect(await readdir(join(state, 'events'))).toEqual([])
  }, 20_000)

  it.each([1, 2])('of what was answered with 226 outlive SIGKILL, with %i processes', async workers => {
    const hook = await webhook()
    hook.behaviour = 503
    const state = `/tmp/ftp-events-killed-${process.pid}-${workers}`
    closing.push(() => rm(state, { recursive: true, force: true }))
    const options = {
      server: {
        workers,
        state: { directory: state },
        events: { durability: 'spooled', sinks: [{ name: 'one', url: hook.url, maxRetrySeconds: 1 }] },
      },
      users: [simpleUser('alice')],
    }
    const server = await startServerProcess(options)
    await storing(server, 'a', 'b')
    server.signal('SIGKILL')
    await server.exited
    await server.dispose()
    hook.behaviour = 204
    const next = await startServerProcess(options)
    closing.push(() => next.dispose())
    await eventually(() => hook.taken.length >= 2, 'both are there')
    expect(hook.taken.map(({ event }) => event.subject)).toEqual(['/a', '/b'])
    await storing(next, 'c')
    await eventually(() => hook.taken.length === 3, 'the next one too')
  })

  it('leave no trace where nobody wants to know', async () => {
    const { server, state } = await serverWith([])
    await storing(server, 'a')
    expect(await readdir(state).catch(() => [])).not.toContain('events')
    const page = await (await fetch(`http://127.0.0.1:${server.probesPort}/metrics`)).text()
    expect(page).toMatch(/^ftp_events_spooled_total 0$/m)
  })

  it('go where a reload says, and are lost only as long as their directory can’t be used', async () => {
    const [one, other] = [await webhook(), await webhook()]
    const { server, state } = await serverWith([{ name: 'one', url: one.url }])
    await storing(server, 'a')
    await eventually(() => one.taken.length === 1, 'the first is there')
    const yaml = await serverYaml(server)
    await server.reconfigure('server.yaml', {
      ...yaml,
      ...settings([{ name: 'one', url: other.url }]),
      state: { directory: state },
    })
    await storing(server, 'b')
    await eventually(() => other.taken.length === 1, 'the second is there')
    expect(one.taken).toHaveLength(1)
    await writeFile(`${state}-file`, '')
    closing.push(() => rm(`${state}-file`))
    await server.reconfigure('server.yaml', {
      ...yaml,
      ...settings([{ name: 'one', url: other.url }]),
      state: { directory: `${state}-file` },
    })
    await eventually(() => server.log().some(({ msg }) => msg === 'events can’t be kept, and are lost'), 'it is told')
    await storing(server, 'c')
    expect(server.log().some(({ msg, reason }) => msg === 'events are lost' && reason === 'no-spool')).toBe(true)
  })
})

async function serverYaml(server: TestServer): Promise<Record<string, unknown>> {
  return parse(await readFile(join(server.configurationDirectory, 'server.yaml'), 'utf8')) as Record<string, unknown>
}
