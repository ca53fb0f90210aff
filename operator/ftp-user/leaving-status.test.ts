import { expect, test } from 'vitest'
import { ftpUser, now, passwordHash } from '../../test/operator/samples.ts'
import type { FtpUser } from '../api/ftp-user.ts'
import type { HomeState } from '../users/leaving.ts'
import { leavingStatus } from './leaving-status.ts'

const second = 1000
const user = (policy: string, secondsAgo = 1): FtpUser =>
  ftpUser('alice', `{ passwordHash: '${passwordHash}', reclaimPolicy: ${policy} }`, {
    deletionTimestamp: new Date(now - secondsAgo * second).toISOString(),
  })

type State = HomeState | undefined
const removing: State = { kind: 'waiting', reason: 'RemovingHome', message: 'pod x' }
const withdrawing: State = { kind: 'waiting', reason: 'Withdrawing', message: 'pod x' }

function tell(of: FtpUser, states: readonly State[], at = now) {
  const servers = states.map((home, index) => ({ name: `s${index}`, namespace: 'media', home }))
  return leavingStatus({ user: of, servers, now: at })
}

/** `type status reason` of Ready and of each server; `gone` if nothing is waited for. */
function told(of: FtpUser, states: readonly State[], at = now): readonly string[] {
  const result = tell(of, states, at)
  if (result.kind === 'gone') return ['gone', ...result.removedAt]
  const { conditions = [], servers = [] } = result.status
  return [...conditions, ...servers.flatMap(each => each.conditions)].map(
    ({ type, status, reason }) => `${type} ${status} ${reason}`,
  )
}

test.each<[string, readonly State[], readonly string[]]>([
  ['removes it', [removing], ['Ready False RemovingHome', 'HomeRemoved False RemovingHome']],
  ['has removed it', [{ kind: 'removed' }], ['Ready False Removed', 'HomeRemoved True Removed']],
  ['has not been looked at', [undefined], ['Ready False Pending', 'HomeRemoved False Pending']],
  ['is gone', [{ kind: 'left', message: 'gone' }], ['gone']],
  ['has forgotten the order', [{ kind: 'withdrawn' }], ['gone']],
  [
    'is the last of several',
    [{ kind: 'withdrawn' }, { kind: 'left', message: 'gone' }, removing],
    [
      'Ready False RemovingHome',
      'HomeRemoved Unknown Retained',
      'HomeRemoved False NotAccepted',
      'HomeRemoved False RemovingHome',
    ],
  ],
])('of a user who takes its home along, where a server %s', (_, states, expected) => {
  expect(told(user('Delete'), states)).toEqual(expected)
})

test('that it is gone is not unlearned while the order is withdrawn, and is told in the end', () => {
  const first = tell(user('Delete'), [{ kind: 'removed' }])
  if (first.kind === 'gone') throw new Error('it may not go yet')
  const of = { ...user('Delete'), status: first.status }
  expect(told(of, [withdrawing])).toEqual(['Ready False Removed', 'HomeRemoved True Removed'])
  expect(told(of, [undefined])).toEqual(['Ready False Removed', 'HomeRemoved True Removed'])
  expect(told(of, [{ kind: 'withdrawn' }])).toEqual(['gone', 'media/s0'])
  // However long: a pod that reads the order late would remove the home of the next user.
  expect(told(of, [withdrawing], now + 9999 * second)[0]).not.toBe('gone')
})

test('what is waited for and how to give up is told, and after ten minutes louder', () => {
  const result = tell(user('Delete'), [removing])
  const message = result.kind === 'waiting' ? result.status.conditions?.[0]?.message : ''
  expect(message).toContain('FtpServer media/s0: pod x. To keep the home')
  expect(message).toContain(
    `kubectl -n media patch ftpuser alice --type merge -p '{"spec":{"reclaimPolicy":"Retain"}}'`,
  )
  expect(told(user('Delete', 599), [removing])[0]).toBe('Ready False RemovingHome')
  expect(told(user('Delete', 601), [removing])[0]).toBe('Ready False HomeOverdue')
  const inUse: State = { kind: 'waiting', reason: 'HomeInUse', message: 'of bob' }
  expect(told(user('Delete', 601), [inUse])[0]).toBe('Ready False HomeInUse')
})

test('who gives up waits until pods have let go of the order, and for two minutes at most', () => {
  const before = tell(user('Delete'), [removing])
  if (before.kind === 'gone') throw new Error('it may not go yet')
  const first = tell({ ...user('Retain'), status: before.status }, [withdrawing])
  if (first.kind === 'gone') throw new Error('it may not go yet')
  const of = { ...user('Retain'), status: first.status }
  expect(told(of, [withdrawing])).toEqual(['Ready False Withdrawing', 'HomeRemoved Unknown Withdrawing'])
  expect(told(of, [{ kind: 'withdrawn' }])).toEqual(['gone'])
  expect(told(of, [withdrawing], now + 119 * second)[0]).toBe('Ready False Withdrawing')
  expect(told(of, [withdrawing], now + 122 * second)).toEqual(['gone'])
  expect(told(of, [undefined], now + 122 * second)).toEqual(['gone'])
})
