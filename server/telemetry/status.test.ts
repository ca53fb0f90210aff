import { expect, test } from 'vitest'
import type { Configuration } from '../config/configuration.ts'
import type { ServerConfiguration } from '../config/schema.ts'
import type { Session } from '../control/session/session.ts'
import { describeServer, type ServerFacts } from './status.ts'

const listener = {
  name: 'ftp',
  port: 2121,
  addresses: ['::'],
  tls: 'explicit',
  proxyProtocol: { trustedNetworks: [] },
} as const
const configuration: Configuration = {
  hash: 'abc',
  server: { listeners: [listener], probes: {} } as unknown as ServerConfiguration,
  users: new Map(),
  certificate: { certificate: 'CERT', key: 'PRIVATE KEY', authority: undefined },
  hosts: new Map(),
}
const session = {
  id: 's1',
  listener,
  peer: { address: '192.0.2.7', port: 40_000 },
  started: 1_767_225_600_000,
  login: {
    state: 'logged-in',
    user: { name: 'ann', credential: { kind: 'password', password: 'open sesame' } },
  },
} as unknown as Session
const facts: ServerFacts = {
  version: '1.2.3',
  configuration,
  loadedAt: 1_767_225_600_000,
  problems: [],
  sessions: [],
  sessionCount: 0,
  bans: { inForce: [], count: 0 },
  certificate: undefined,
}

test('a session is shown with its user, its peer and its transfer', () => {
  const transfer = { verb: 'RETR', path: '/\udcff', bytes: 5 }
  expect(describeServer({ ...facts, sessions: [{ session, transfer }], sessionCount: 1 }).sessions).toEqual([
    {
      id: 's1',
      user: 'ann',
      peer: '192.0.2.7',
      since: '2026-01-01T00:00:00.000Z',
      listener: 'ftp',
      transfer: { verb: 'RETR', path: '/\\xff', bytes: 5 },
    },
  ])
})

test('neither passwords nor keys are in it', () => {
  const text = JSON.stringify(describeServer({ ...facts, sessions: [{ session }], sessionCount: 1 }))
  expect(text).not.toMatch(/sesame|PRIVATE/)
})

test('rejected users are told apart from other problems', () => {
  const user = { file: 'users/a.yaml', path: 'users[0].home', message: 'must be a path', user: 'bob' }
  const file = { file: 'users/b.yaml', path: '', message: 'is not YAML' }
  const status = describeServer({ ...facts, problems: [user, file] })
  expect(status.users.rejected).toEqual([user])
  expect(status.problems).toEqual([file])
})

test('lists are cut at a thousand entries and the counts are not', () => {
  const problem = { file: 'users/a.yaml', path: '', message: 'is bad', user: 'bob' }
  const status = describeServer({
    ...facts,
    problems: Array(1500).fill(problem),
    sessions: Array(1200).fill({ session }),
    sessionCount: 1200,
  })
  expect([status.users.rejected.length, status.users.rejectedCount]).toEqual([1000, 1500])
  expect([status.sessions.length, status.sessionCount]).toEqual([1000, 1200])
})

test('bans are shown, the latest first, a thousand of them at most', () => {
  const ban = { from: 1_767_225_600_000, until: 1_767_226_200_000, count: 2, offence: 'unknown-user' } as const
  const inForce = Array.from({ length: 1500 }, (_, number) => ({
    ...ban,
    client: `10.0.${number >> 8}.${number & 255}`,
  }))
  const status = describeServer({ ...facts, bans: { inForce, count: 1500 } })
  expect([status.bans.length, status.banCount]).toEqual([1000, 1500])
  expect(status.bans[0]).toEqual({
    client: '10.0.5.219',
    since: '2026-01-01T00:00:00.000Z',
    until: '2026-01-01T00:10:00.000Z',
    count: 2,
    offence: 'unknown-user',
  })
})
