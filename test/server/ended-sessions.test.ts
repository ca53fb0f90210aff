/** What a process keeps of sessions that have ended: one of each kind, by which V8 keeps what it has compiled for the next. */
import { constants } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connection } from '../../server/control/connection.ts'
import type { SessionKeys } from '../../server/tls/session-keys.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { simpleUser, startServer, type TestServer } from '../support/server.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let server: TestServer

beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server.stop())

/** Ends a session, of which only this is left here. */
async function ended(begin: (client: FtpClient) => Promise<unknown>): Promise<WeakRef<Connection>> {
  const client = await FtpClient.connect(server.port)
  await begin(client)
  const [connection] = server.application.server.connections
  if (connection === undefined) throw new Error('There is no session.')
  const left = new WeakRef(connection)
  client.close()
  await eventually(() => server.application.server.sessionCount === 0, 'it has ended')
  return left
}

const logIn = (client: FtpClient): Promise<unknown> => client.login()

function isLeft(session: WeakRef<Connection>): boolean {
  collect()
  return session.deref() !== undefined
}

async function expectGone(session: WeakRef<Connection>): Promise<void> {
  await eventually(() => !isLeft(session), 'it is gone')
}

test('The last session that was logged in stays, and no others', async () => {
  const first = await ended(logIn)
  const last = await ended(logIn)
  const stranger = await ended(async () => undefined)
  await expectGone(first)
  await expectGone(stranger)
  expect(isLeft(last)).toBe(true)
})

test('The last one under TLS stays beside it, without anything to resume by', async () => {
  const clear = await ended(logIn)
  let keys: WeakRef<SessionKeys> | undefined
  const secured = (): Promise<WeakRef<Connection>> =>
    ended(async client => {
      await client.startTls({ maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET })
      await client.login()
      const tls = [...server.application.server.connections][0]?.tls
      keys = tls && new WeakRef(tls.keys)
      tls?.keys.keepSession('an ID', Buffer.from('a session'))
    })
  const first = await secured()
  const last = await secured()
  await expectGone(first)
  expect([isLeft(clear), isLeft(last)]).toEqual([true, true])
  expect(keys?.deref()?.sessionWithId('an ID')).toBeUndefined()
})

test('One whose TLS is that of Node does not stay', async () => {
  await server.stop()
  server = await startServer({ sendfile: 'off' })
  const secured = await ended(async client => {
    await client.startTls()
    await client.login()
  })
  await expectGone(secured)
})

test('None keeps a configuration that is not in force any more', async () => {
  const reload = (name: string) =>
    server.reconfigure('users/users.yaml', { users: ['alice', name].map(each => simpleUser(each)) })
  const before = await ended(logIn)
  await reload('bob')
  await expectGone(before)
  const during = await ended(async client => {
    await client.login()
    await reload('carol')
  })
  await expectGone(during)
})
