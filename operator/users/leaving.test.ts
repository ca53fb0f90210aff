import { describe, expect, test } from 'vitest'
import { ftpServer, ftpUser, now, observe, passwordHash, pod, report } from '../../test/operator/samples.ts'
import type { FtpUser } from '../api/ftp-user.ts'
import { plan } from '../ftp-server/plan.ts'
import { decidedBy } from '../ftp-server/status/decided-users.ts'
import { statusOf } from '../ftp-server/status/status.ts'
import type { ObservedPod, ReportedHome } from '../observation/observation.ts'
import { bindUsers, resourceFiles, withPlaces } from './binding.ts'
import { homeFinalizer } from './leaving.ts'

const server = (more = '') => ftpServer(`{ storage: { emptyDir: {} } ${more} }`)
const going = { deletionTimestamp: '2029-06-01T00:00:00Z', finalizers: [homeFinalizer] }

function user(spec = '', metadata: Partial<FtpUser['metadata']> = going, name = 'alice'): FtpUser {
  return ftpUser(name, `{ passwordHash: '${passwordHash}', reclaimPolicy: Delete ${spec} }`, metadata)
}

function withStatus(of: FtpUser, status: string, at = { name: 'uploads', namespace: 'media' }): FtpUser {
  const condition = {
    type: 'HomeRemoved',
    status,
    lastTransitionTime: '2029-06-01T00:00:00Z',
    reason: 'x',
    message: '',
  }
  return { ...of, status: { servers: [{ ...at, conditions: [condition] }] } } as FtpUser
}

const observed = (...users: readonly FtpUser[]) =>
  users.map(each => ({ user: each, namespaceLabels: {}, secrets: new Map() }))

function filesOf(...users: readonly FtpUser[]): Record<string, unknown> {
  const files = resourceFiles(bindUsers(server(), observed(...users), now))
  return Object.fromEntries([...files].map(([key, content]) => [key, JSON.parse(Buffer.from(content).toString())]))
}

const orderOf = (home: string, more = {}) => ({
  'removed-homes.order': { homes: [{ id: 'uid-of-alice', user: 'alice', home, ...more }] },
})

describe('Pods get the order to remove a home', () => {
  test.each([
    ['with the default one', user(), orderOf('/alice')],
    ['with the one that is given', user(', home: /cameras/yard'), orderOf('/cameras/yard')],
    ['with the hosts of the user', user(', hosts: [a.example]'), orderOf('/alice', { hosts: ['a.example'] })],
    ['only with the finalizer', user('', { ...going, finalizers: ['example.com/other'] }), {}],
    ['only with the policy', keep(), {}],
    ['not of a user who is gone there already', withStatus(user(), 'True'), {}],
    ['of one who is gone elsewhere', withStatus(user(), 'True', { name: 'b', namespace: 'media' }), orderOf('/alice')],
    ['of one who is not gone there', withStatus(user(), 'False'), orderOf('/alice')],
  ])('%s', (_, of, expected) => {
    expect(filesOf(of)).toEqual(expected)
  })

  test('not of users whom the server does not let in, or who do not have the name', () => {
    const stranger = user('', { ...going, namespace: 'other' })
    const older = ftpUser('older', `{ username: alice, passwordHash: '${passwordHash}' }`, {
      creationTimestamp: '2020-01-01T00:00:00Z',
    })
    expect(filesOf(stranger)).toEqual({})
    expect(Object.keys(filesOf(user(), older))).toEqual([expect.stringMatching(/^00-resources-.\.json$/)])
    const inline = server(`, users: [{ name: alice, passwordHash: '${passwordHash}' }]`)
    expect(resourceFiles(bindUsers(inline, observed(user()), now)).size).toBe(0)
  })

  test('nobody else has the name as long as the order may be somewhere', () => {
    const next = ftpUser('next', `{ username: alice, passwordHash: '${passwordHash}' }`, {
      creationTimestamp: '2029-06-02T00:00:00Z',
    })
    for (const of of [user(), withStatus(user(), 'True'), keep()]) {
      const found = bindUsers(server(), observed(of, next), now).find(({ key }) => key === 'media/next')
      expect(found?.verdict).toMatchObject({ reason: 'NameConflict' })
    }
  })

  test('a thousand at once, in the same order whoever comes first', () => {
    const many = Array.from({ length: 1001 }, (_, index) => user('', going, `user-${index}`))
    const [one, other] = [many, many.toReversed()].map(each => filesOf(...each))
    expect(one).toEqual(other)
    expect(one).toMatchObject({ 'removed-homes.order': { homes: expect.objectContaining({ length: 1000 }) } })
  })
})

/** The policy was changed after the deletion: the home is to stay. */
function keep(): FtpUser {
  const of = user()
  return { ...of, spec: { ...of.spec, reclaimPolicy: 'Retain' } }
}

type Told = Partial<ReportedHome> | 'nothing' | 'old' | 'silent'

/** How far the server is where its pods say so. */
function stateWith(of: FtpUser, told: readonly Told[], { terminating = false, spec = '' } = {}) {
  const bare = observe(server(spec), { users: observed(of) })
  const { decisions } = plan(bare)
  const hash = decisions.hashOf(0, 'a')
  const pods = told.map((each): ObservedPod => {
    if (each === 'silent') return pod({ terminating })
    if (each === 'nothing') return pod({ terminating, report: report(hash) })
    if (each === 'old') return pod({ terminating, report: report('old') })
    const home = { id: 'uid-of-alice', state: 'removing', message: '', ...each }
    return pod({ terminating, report: report(hash, { removedHomes: [home] }) })
  })
  const observation = { ...bare, pods }
  const made = plan(observation)
  return decidedBy(observation, made, statusOf(observation, made)).homes.get('media/alice')
}

describe('A server has removed a home', () => {
  test.each<[string, readonly Told[], object]>([
    ['when its pod says so', [{ state: 'removed' }], { kind: 'removed' }],
    ['not while it goes on', [{ state: 'removing' }], { reason: 'RemovingHome' }],
    ['not before the pod has the order', ['nothing'], { reason: 'RemovingHome' }],
    ['not while the pod says nothing', ['silent'], { reason: 'RemovingHome' }],
    ['not without a pod', [], { reason: 'RemovingHome' }],
    ['not when one of its pods does not say so', [{ state: 'removed' }, 'nothing'], { reason: 'RemovingHome' }],
    [
      'not when a pod says whose it is',
      [{ state: 'refused', message: 'of bob' }],
      { reason: 'HomeInUse', message: 'pod uploads-0-a says: of bob' },
    ],
    ['not when a pod can’t', [{ state: 'removed' }, { state: 'failed', message: 'EIO' }], { reason: 'HomeNotRemoved' }],
    ['not by an order for somebody else', [{ id: 'other', state: 'removed' }], { reason: 'RemovingHome' }],
  ])('%s', (_, told, expected) => {
    expect(stateWith(user(), told)).toMatchObject(expected)
  })
  test.each([
    [', suspend: true', 'NoPods'],
    [', paused: true', 'Paused'],
  ])('not with %s', (spec, reason) => {
    expect(stateWith(user(), [], { spec })).toMatchObject({ kind: 'waiting', reason })
  })
  test('pods that are about to go are not waited for', () => {
    expect(stateWith(user(), [{ state: 'removing' }], { terminating: true })).toMatchObject({ reason: 'RemovingHome' })
  })
  test('is looked at again soon', () => {
    expect(plan(observe(server(), { users: observed(user()) })).requeueAfterSeconds).toBeLessThan(5)
  })
})

describe('No pod has the order any more', () => {
  const removed = withStatus(user(), 'True')
  test.each<[string, readonly Told[], boolean, string]>([
    ['when all have the configuration without it', ['nothing', 'nothing'], false, 'withdrawn'],
    ['when there are none', [], false, 'withdrawn'],
    ['not while one has it', ['nothing', { state: 'removed' }], false, 'waiting'],
    ['not while one that is about to go has it', [{ state: 'removed' }], true, 'waiting'],
    ['not while one says nothing', ['silent'], false, 'waiting'],
    ['not while one that is about to go says nothing', ['silent'], true, 'waiting'],
    ['not while one has another configuration, which may be older than the order', ['old'], false, 'waiting'],
    ['when one that is about to go never had it', ['old'], true, 'withdrawn'],
  ])('%s', (_, told, terminating, kind) => {
    for (const of of [removed, keep()]) expect(stateWith(of, told, { terminating })?.kind).toBe(kind)
  })
})

test('an order that has no room is told', () => {
  const bare = bindUsers(server(), observed(user()), now)
  expect(withPlaces(bare, new Set())).toMatchObject([{ verdict: { reason: 'TooLarge' } }])
  expect(withPlaces(bare, new Set(['removed-homes.order']))).toEqual(bare)
})
