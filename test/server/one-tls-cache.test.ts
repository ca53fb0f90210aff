/** Clients that keep one cache of TLS sessions for all their connections (Go, Schannel, libcurl): a data connection may resume the session of another control connection. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { expect, it } from 'vitest'
import type { FtpClient } from '../support/ftp-client.ts'
import { freePort, simpleUser, type TestServer } from '../support/server.ts'
import { connected, temporaryServer } from '../support/sessions.ts'

const versions = ['TLSv1.2', 'TLSv1.3'] as const
type Version = (typeof versions)[number]

async function serverWith(server: Record<string, unknown> = {}): Promise<TestServer> {
  return temporaryServer({ server, users: [simpleUser('alice'), simpleUser('bob')] })
}

/** Has resumed its own session on data connections, so that it can be expected to. */
async function resumed(server: TestServer, version: Version, user = 'alice'): Promise<Party> {
  const options = { minVersion: version, maxVersion: version }
  const client = await connected(server)
  await client.loginSecurely(options, user)
  for (const command of ['LIST', 'LIST']) expect((await client.download(command, options)).end.code).toBe(226)
  const { session } = client
  if (session === undefined) throw new Error('There is no TLS session.')
  return { client, own: { ...options, session }, none: { ...options, session: undefined } }
}

type Party = {
  readonly client: FtpClient
  /** Options of a connection that resumes the party's session, and of one that resumes nothing. */
  readonly own: ConnectionOptions
  readonly none: ConnectionOptions
}

async function store({ client }: Party, name: string, options: ConnectionOptions): Promise<number> {
  return (await client.upload(`STOR ${name}`, `bytes of ${name}`, options)).end.code
}

it.for(versions)('resume the session of another control connection of the same user, under %s', async version => {
  const server = await serverWith()
  const [one, other] = [await resumed(server, version), await resumed(server, version)]
  expect(await store(one, 'file', other.own)).toBe(226)
  expect(await readFile(join(server.root, 'file'), 'utf8')).toBe('bytes of file')
})

it.for(versions)('may come without a session that is known, once they have shown it, under %s', async version => {
  const server = await serverWith()
  const [one, other] = [await resumed(server, version), await resumed(server, version)]
  expect(await store(one, 'file', other.own)).toBe(226)
  expect([await store(one, 'file', one.none), await store(other, 'file', other.none)]).toEqual([226, 226])
})

it.for(versions)('may not resume the session of another user, nor none before, under %s', async version => {
  const server = await serverWith()
  const [alice, bob] = [await resumed(server, version), await resumed(server, version, 'bob')]
  expect(await store(alice, 'file', bob.own)).toBe(522)
  expect(await store(alice, 'file', alice.none)).toBe(522)
  expect(await store(alice, 'file', alice.own)).toBe(226)
})

it.for(versions)('prove by it whose they are where proof is demanded, under %s', async version => {
  const server = await serverWith({ tls: { sessionReuse: 'required' } })
  const [one, other] = [await resumed(server, version), await resumed(server, version)]
  expect(await store(one, 'file', other.own)).toBe(226)
  expect(await store(one, 'file', one.none)).toBe(522)
})

it.for(['RETR file', 'STOR other'].flatMap(command => versions.map(version => [command, version] as const)))(
  'get nothing to resume by where they are refused with %s, under %s',
  async ([command, version]) => {
    const server = await serverWith({ tls: { sessionReuse: 'required' } })
    const victim = await resumed(server, version)
    expect(await store(victim, 'file', victim.own)).toBe(226)
    const issued = await refused(victim, command)
    if (version === 'TLSv1.2') expect(issued.length).toBeGreaterThan(0)
    for (const session of issued) {
      expect((await victim.client.upload('STOR other', 'bytes', { ...victim.none, session })).end.code).toBe(522)
    }
    expect(await store(victim, 'file', victim.own)).toBe(226)
  },
)

/** The TLS sessions that a stranger is given who takes the data connection of a transfer. */
async function refused({ client, none }: Party, command: string): Promise<readonly Buffer[]> {
  const raw = await client.passive()
  expect((await client.send(command)).code).toBe(150)
  const data = connectTls({ ...none, socket: raw, rejectUnauthorized: false })
  const sessions: Buffer[] = []
  data.on('session', session => sessions.push(session))
  data.on('error', () => undefined)
  data.resume()
  await once(data, 'close')
  expect((await client.reply()).code).toBe(522)
  return sessions
}

it.for(versions)('never have the bytes of one transfer in the file of another, under %s', async version => {
  const port = await freePort('127.0.0.1')
  const server = await serverWith({ passive: { ports: { first: port, last: port } } })
  const [one, other] = [await resumed(server, version), await resumed(server, version)]
  const codes = await Promise.all([store(one, 'one', other.own), store(other, 'other', one.own)])
  expect(codes).toEqual([226, 226])
  for (const name of ['one', 'other']) expect(await readFile(join(server.root, name), 'utf8')).toBe(`bytes of ${name}`)
})

it.for(versions)('resume the session of a control connection that logs in at that time, under %s', async version => {
  const server = await serverWith()
  const one = await resumed(server, version)
  const other = await connected(server)
  await other.startTls({ minVersion: version, maxVersion: version })
  await other.send('NOOP')
  const storing = store(one, 'file', { ...one.none, session: other.session })
  await other.login()
  expect(await storing).toBe(226)
})
