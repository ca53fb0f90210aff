import { expect, test } from 'vitest'
import { countDeath, replacementDelay } from './backoff.ts'

test('a worker that dies for the first time is replaced almost at once, one that keeps dying ever later, up to half a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000].map(replacementDelay)).toEqual([
    100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
  ])
})

test('who lived for a minute starts over', () => {
  expect(countDeath(7, 59_999)).toBe(8)
  expect(countDeath(7, 60_000)).toBe(1)
})
