import { expect, test } from 'vitest'
import { ftpServer, ftpUser, observe, passwordHash, pod, report } from '../../../test/operator/samples.ts'
import type { Observation, ServerReport } from '../../observation/observation.ts'
import { plan } from '../plan.ts'
import { decidedBy } from './decided-users.ts'
import { statusOf } from './status.ts'

const server = ftpServer('{ storage: { emptyDir: {} } }')
const user = ftpUser('alice', `{ passwordHash: '${passwordHash}' }`)
const users = [{ user, namespaceLabels: {}, secrets: new Map() }]

/** What is decided where the one pod says so; `hash` is that which it is to have. */
function decided(reportOf: ((hash: string) => ServerReport) | undefined, of = server) {
  const bare: Observation = observe(of, { users })
  const { decisions } = plan(bare)
  const pods = reportOf === undefined ? [] : [pod({ report: reportOf(decisions.hashOf(0, 'a')) })]
  const observation = { ...bare, pods }
  const made = plan(observation)
  return decidedBy(observation, made, statusOf(observation, made))
}

const rejected = {
  file: 'users/00-resources-2.json',
  path: 'users[3].name',
  message: 'must be another name',
  user: 'alice',
}

test.each([
  ['has everything in force', (hash: string) => report(hash), 'synced'],
  ['has something else in force', () => report('other'), 'pending'],
  [
    'refuses what it has',
    () => report('other', { problemCount: 1, problems: [{ ...rejected, user: undefined }] }),
    'refused',
  ],
  ['has not answered', undefined, 'pending'],
] as const)('a pod that %s: %3$s', (_, reportOf, applied) => {
  expect(decided(reportOf)).toMatchObject({ applied, bindings: [{ username: 'alice' }] })
})

test('a server without pods has nothing in force', () => {
  expect(decided(undefined, ftpServer('{ storage: { emptyDir: {} }, suspend: true }')).applied).toBe('idle')
})

test('what pods say of a user is told, without its place in a list that nobody knows', () => {
  expect(decided(hash => report(hash, { rejected: [rejected] })).rejected).toEqual(
    new Map([['alice', 'name must be another name']]),
  )
})

test('users of other lists, and pods that are behind, say nothing about it', () => {
  const elsewhere = { ...rejected, file: 'users/01-secret_team_users.yaml' }
  expect(decided(hash => report(hash, { rejected: [elsewhere] })).rejected).toEqual(new Map())
  expect(decided(() => report('other', { rejected: [rejected] })).rejected).toEqual(new Map())
})
