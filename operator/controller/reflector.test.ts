import { expect, test } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { ApiError, TransportError } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import type { WatchEvent } from '../kubernetes/watch-events.ts'
import { createLogger } from '../telemetry/logger.ts'
import { reflect } from './reflector.ts'

const cut = new TransportError('cut', 'cut')
const unsent = new TransportError('unsent', 'nobody listens')
const forbidden = new ApiError({
  status: 403,
  reason: 'Forbidden',
  message: 'no',
  causes: [],
  retryAfterSeconds: undefined,
})
const bookmark: WatchEvent = { type: 'bookmark', resourceVersion: '1' }

/** When a reflector listed and watched in ten minutes, in seconds, if each watch says this and fails. */
async function watching(error: Error, words: readonly WatchEvent[] = [], isListed = true) {
  const clock = fakeClock()
  const stopping = new AbortController()
  const lists: number[] = []
  const watches: number[] = []
  const cluster: Pick<Cluster, 'list' | 'watch'> = {
    async list() {
      lists.push(clock.milliseconds() / 1000)
      if (!isListed && lists.length > 1) throw error
      return { items: [], resourceVersion: '1' }
    },
    async *watch() {
      watches.push(clock.milliseconds() / 1000)
      yield* words
      throw error
    },
  }
  const options = { cluster, kind: kinds.configMap, selection: {}, clock, random: () => 0.5 }
  const logger = createLogger('silent', process.stderr)
  const running = reflect({ ...options, logger, onList: () => {}, onEvent: () => {} }, stopping.signal)
  await clock.advance(600_000)
  stopping.abort()
  await running
  return { lists, watches }
}

/** The longest time between two, in seconds. */
function longestPause(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)))
}

test('a word of the watch, even a bookmark that is no news, lets the next failure be the first', async () => {
  const { lists, watches } = await watching(cut, [bookmark])
  expect(longestPause(watches)).toBeLessThan(2)
  expect(lists).toEqual([0])
})

test('where every watch is cut before its first word, lists stand in for them every few seconds', async () => {
  const { lists, watches } = await watching(cut)
  expect(longestPause(watches)).toBeLessThan(7)
  expect(longestPause(lists)).toBeLessThan(12)
  expect(lists.length).toBeLessThan(150)
})

test('where lists are allowed and watches are not, lists do not become a burden', async () => {
  const { lists } = await watching(forbidden)
  expect(longestPause(lists)).toBeLessThan(7)
  expect(lists.length).toBeLessThan(150)
})

test('a server that is not there is asked for the watch alone, less and less often', async () => {
  const { lists, watches } = await watching(unsent)
  expect(lists).toEqual([0])
  expect(longestPause(watches)).toBeGreaterThan(15)
  expect(longestPause(watches)).toBeLessThanOrEqual(30)
})

test('where lists fail, too, both are tried less and less often', async () => {
  const { lists, watches } = await watching(forbidden, [], false)
  expect(watches).toHaveLength(1)
  expect(longestPause(lists)).toBeGreaterThan(15)
  expect(longestPause(lists)).toBeLessThanOrEqual(30)
})
