import { expect, test } from 'vitest'
import { QuotaLedger } from '../storage/quota/quota-ledger.ts'
import { BandwidthLedger } from './bandwidth-ledger.ts'
import type { ToWorker } from './messages.ts'
import { SharedLedger } from './shared-state.ts'
import { WorkerRequests } from './worker-requests.ts'

const session = { kind: 'claim', request: 1, claim: 'session-of-user', key: 'alice', limit: 1 } as const

/** Two workers, the first of which has the only session that alice may have. */
function start() {
  const ledger = new SharedLedger()
  const first = ledger.holder()
  first.claim(session.claim, session.key, session.limit)
  const told = Promise.withResolvers<void>()
  const sent: ToWorker[] = []
  const second = new WorkerRequests(
    {
      claims: ledger.holder(),
      quotas: new QuotaLedger({ usageOf: async () => ({ bytes: 0, files: 0 }) }).holder(),
      bandwidth: new BandwidthLedger().holder(),
      offences: { offended: () => undefined, loggedIn: () => undefined },
      events: { put: async () => undefined },
      who: async () => [],
      bringUpToDate: () => told.promise,
    },
    message => sent.push(message),
  )
  /** The first one ends the session, and all have told of it. */
  const free = async (): Promise<void> => {
    first.release(session.claim, session.key)
    told.resolve()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { ledger, first, second, sent, free }
}

test('a session that another worker has ended, and not told of, leaves its place to who asks for it', async () => {
  const { ledger, second, sent, free } = start()
  expect(second.take(session)).toBeUndefined()
  expect(sent).toEqual([])
  await free()
  expect(sent).toEqual([{ kind: 'answers', answers: [{ request: 1, yes: true }] }])
  expect(ledger.taken('session-of-user')).toEqual(['alice'])
})

test('a worker that dies while the others are asked takes no place, which nobody would give back', async () => {
  const { first, second, free } = start()
  second.take(session)
  second.releaseAll()
  await free()
  expect(first.claim(session.claim, session.key, session.limit)).toBe(true)
})
