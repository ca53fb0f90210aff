import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Snapshot } from '../observation/snapshot.ts'
import { expired } from './retention.ts'

const day = 86_400_000
const now = Date.parse('2030-01-31T03:00:00Z')

function snapshot(daysAgo: number, state: Snapshot['state'] = 'ready', rest: Partial<Snapshot> = {}): Snapshot {
  const time = now - daysAgo * day
  return {
    name: `${state}-${daysAgo}`,
    uid: `uid-${daysAgo}`,
    resourceVersion: '1',
    claim: 'uploads-data',
    trigger: 'Schedule',
    time,
    created: time,
    state,
    isTakenUp: true,
    message: '',
    taken: undefined,
    deleting: false,
    ...rest,
  }
}

const names = (snapshots: readonly Snapshot[]) => snapshots.map(({ name }) => name)

test('as many as wanted are kept, the newest', () => {
  const all = [3, 0, 4, 1, 2].map(daysAgo => snapshot(daysAgo))
  expect(names(expired(all, { maxCount: 3 }, now))).toEqual(['ready-3', 'ready-4'])
})

test('what is too old goes, but never the newest that is ready', () => {
  expect(names(expired([snapshot(8), snapshot(9)], { maxCount: 7, maxAgeDays: 7 }, now))).toEqual(['ready-9'])
  const withNew = [snapshot(0), snapshot(7), snapshot(8)]
  expect(names(expired(withNew, { maxCount: 7, maxAgeDays: 7 }, now))).toEqual(['ready-8'])
})

test('failed ones and those that are being made keep no place of one that is ready', () => {
  const all = [snapshot(0, 'pending'), snapshot(1, 'failed'), snapshot(2, 'failed'), snapshot(3), snapshot(4)]
  expect(expired(all, { maxCount: 2 }, now)).toEqual([])
  expect(expired([snapshot(0, 'failed'), snapshot(30)], { maxCount: 1, maxAgeDays: 7 }, now)).toEqual([])
})

test('a failed one goes when a newer one is ready', () => {
  expect(names(expired([snapshot(0), snapshot(1, 'failed')], { maxCount: 7 }, now))).toEqual(['failed-1'])
})

test('of many that failed the newest three are kept', () => {
  const all = [0, 1, 2, 3, 4].map(daysAgo => snapshot(daysAgo, 'failed'))
  expect(names(expired(all, { maxCount: 7 }, now))).toEqual(['failed-3', 'failed-4'])
})

test('one that is still being made goes when it would go if it were ready', () => {
  const all = [snapshot(0), snapshot(1), snapshot(2, 'pending')]
  expect(expired(all, { maxCount: 3 }, now)).toEqual([])
  expect(names(expired(all, { maxCount: 2 }, now))).toEqual(['pending-2'])
})

test('one that is being deleted does not count', () => {
  const all = [snapshot(0, 'ready', { deleting: true }), snapshot(1), snapshot(2)]
  expect(expired(all, { maxCount: 2 }, now)).toEqual([])
})

test('whatever fails, as many that are ready stay as are wanted, or all there are', () => {
  const one = fc.record({
    daysAgo: fc.integer({ min: 0, max: 60 }),
    state: fc.constantFrom<Snapshot['state']>('ready', 'failed', 'pending'),
  })
  const lists = fc.uniqueArray(one, { selector: ({ daysAgo }) => daysAgo, maxLength: 40 })
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 10 }), (list, maxCount) => {
      const all = list.map(({ daysAgo, state }) => snapshot(daysAgo, state))
      const gone = new Set(expired(all, { maxCount }, now))
      const ready = all.filter(({ state }) => state === 'ready').toSorted((a, b) => b.time - a.time)
      expect(ready.filter(each => !gone.has(each))).toEqual(ready.slice(0, maxCount))
      expect(all.filter(each => each.state === 'failed' && !gone.has(each)).length).toBeLessThanOrEqual(3)
    }),
  )
})
