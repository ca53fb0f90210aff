import { describe, expect, test } from 'vitest'
import { ftpUser, now, passwordHash } from '../../test/operator/samples.ts'
import type { BoundUser } from '../users/bindings.ts'
import { type ServerState, userStatus } from './status.ts'

const user = ftpUser('alice', `{ passwordHash: '${passwordHash}' }`, { generation: 4 })

function state(bound: Partial<BoundUser> | 'missing' | undefined, name = 'uploads'): ServerState {
  const whole = {
    uid: 'u',
    generation: 4,
    verdict: { accepted: true },
    synced: 'synced',
    home: undefined,
    ...(bound as object),
  } as const
  return { name, namespace: 'media', bound: bound === 'missing' || bound === undefined ? bound : whole }
}

function statusOf(...servers: readonly ServerState[]) {
  return userStatus({ user, servers, secrets: {}, now })
}

/** `type status reason` of each condition of each server, and of Ready. */
function told(...servers: readonly ServerState[]) {
  const { conditions = [], servers: all = [] } = statusOf(...servers)
  const text = (list: typeof conditions) => list.map(({ type, status, reason }) => `${type} ${status} ${reason}`)
  return [...text(conditions), ...all.flatMap(each => text(each.conditions))]
}

const refused = { verdict: { accepted: false, reason: 'NotAllowed', message: 'no' } } as const

describe('What is told of a user', () => {
  test.each([
    ['who is in force', {}, 'Ready True InForce', 'Accepted True Accepted', 'Synced True InForce'],
    [
      'who is on the way',
      { synced: 'pending' },
      'Ready False Pending',
      'Accepted True Accepted',
      'Synced False Pending',
    ],
    [
      'whose server has no pods',
      { synced: 'idle' },
      'Ready Unknown NoPods',
      'Accepted True Accepted',
      'Synced Unknown NoPods',
    ],
    [
      'whose server is stuck',
      { synced: 'refused' },
      'Ready False ConfigRejected',
      'Accepted True Accepted',
      'Synced False ConfigRejected',
    ],
    ['who is not let in', refused, 'Ready False NotAllowed', 'Accepted False NotAllowed', 'Synced False NotAccepted'],
    [
      'whose server is missing',
      'missing',
      'Ready False ServerNotFound',
      'Accepted False ServerNotFound',
      'Synced False NotAccepted',
    ],
    [
      'about whom nothing is decided',
      undefined,
      'Ready Unknown Pending',
      'Accepted Unknown Pending',
      'Synced Unknown NotAccepted',
    ],
  ] as const)('%s', (_, bound, ...expected) => {
    expect(told(state(bound))).toEqual(expected)
  })

  test('of two servers, one that refuses comes before one that is late', () => {
    const [ready] = statusOf(state({ synced: 'pending' }, 'late'), state(refused, 'strict')).conditions ?? []
    expect(ready).toMatchObject({ status: 'False', reason: 'NotAllowed', message: 'FtpServer media/strict: no' })
  })

  test('the generation, the login name, and the Secret if there is one', () => {
    expect(statusOf(state({}))).toMatchObject({ observedGeneration: 4, username: 'alice' })
    expect(statusOf(state({})).binding).toBeUndefined()
    const generated = ftpUser('bob', '{ generatedPassword: {} }')
    const status = userStatus({ user: generated, servers: [], secrets: {}, now })
    expect(status.binding).toEqual({ name: 'bob-ftp-user' })
    expect(status.rotatesAt).toBeUndefined()
  })

  test('the Secret of each server, and when the password is renewed', () => {
    const generated = ftpUser('bob', '{ generatedPassword: {} }')
    const secrets = { renewAt: now + 60_000, ofServers: new Map([['media/other', 'bob-ftp-user.media.other']]) }
    const status = userStatus({ user: generated, servers: [state({}), state({}, 'other')], secrets, now })
    expect(status.rotatesAt).toBe('2030-01-01T12:01:00Z')
    expect(status.servers?.map(({ binding }) => binding)).toEqual([undefined, { name: 'bob-ftp-user.media.other' }])
  })

  test('a Secret that can’t be made comes before all else', () => {
    const problem = { status: 'False', reason: 'NameTaken', message: 'taken' } as const
    expect(userStatus({ user, servers: [state({})], secrets: { problem }, now }).conditions).toEqual([
      expect.objectContaining({ type: 'Ready', ...problem }),
    ])
  })
})

test('the time of a transition stays while the status of the condition does', () => {
  const first = statusOf(state({}), state(refused, 'other'))
  const later = now + 60_000
  const again = userStatus({
    user: { ...user, status: first },
    servers: [state({}), state({ verdict: { accepted: false, reason: 'NameConflict', message: 'no' } }, 'other')],
    secrets: {},
    now: later,
  })
  expect(again.conditions?.[0]).toMatchObject({ reason: 'NameConflict', lastTransitionTime: '2030-01-01T12:00:00Z' })
  const changed = userStatus({
    user: { ...user, status: first },
    servers: [state({}), state({}, 'other')],
    secrets: {},
    now: later,
  })
  expect(changed.conditions?.[0]?.lastTransitionTime).toBe('2030-01-01T12:01:00Z')
  expect(changed.servers?.map(({ conditions }) => conditions[0]?.lastTransitionTime)).toEqual([
    '2030-01-01T12:00:00Z',
    '2030-01-01T12:01:00Z',
  ])
})
