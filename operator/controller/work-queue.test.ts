import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { createWorkQueue, type WorkQueueOptions } from './work-queue.ts'

/** A queue whose work ends when the test says so. */
function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = fakeClock()
  const started: string[] = []
  const open = new Map<string, () => void>()
  const faults: unknown[] = []
  const queue = createWorkQueue({
    workers: 2,
    clock,
    random: () => 0,
    onFault: error => faults.push(error),
    async work(key) {
      // Never two at once on one key.
      expect(open.has(key)).toBe(false)
      started.push(key)
      const { promise, resolve } = Promise.withResolvers<void>()
      open.set(key, resolve)
      await promise
      open.delete(key)
    },
    ...options,
  })
  const end = async (key: string) => {
    open.get(key)?.()
    await setImmediate()
  }
  return { clock, queue, started, open, end, faults }
}

test('a key that is added many times is worked on once', async () => {
  const { queue, started } = setUp()
  for (let count = 0; count < 5; count += 1) queue.add('a')
  expect(started).toEqual([])
  queue.start()
  queue.start()
  await setImmediate()
  expect(started).toEqual(['a'])
})

test('a key that is added during its work is worked on again, once, afterwards', async () => {
  const { queue, started, end } = setUp()
  queue.start()
  queue.add('a')
  await setImmediate()
  queue.add('a')
  queue.add('a')
  expect(started).toEqual(['a'])
  await end('a')
  expect(started).toEqual(['a', 'a'])
  await end('a')
  expect(started).toEqual(['a', 'a'])
})

test('no more keys at a time than there are workers, in the order of adding', async () => {
  const { queue, started, open, end } = setUp()
  queue.start()
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
  await setImmediate()
  expect([...open.keys()]).toEqual(['a', 'b'])
  await end('b')
  expect([...open.keys()]).toEqual(['a', 'c'])
  await end('a')
  expect(started).toEqual(['a', 'b', 'c', 'd'])
})

test('a delayed key comes when it is due, and the last delay holds', async () => {
  const { clock, queue, started } = setUp()
  queue.start()
  queue.addAfter('a', 1000)
  queue.addAfter('a', 5000)
  await clock.advance(4999)
  expect(started).toEqual([])
  await clock.advance(1)
  expect(started).toEqual(['a'])
})

test('work answers the delayed add as well', async () => {
  const { clock, queue, started, end } = setUp()
  queue.start()
  queue.addAfter('a', 5000)
  queue.add('a')
  await setImmediate()
  await end('a')
  await clock.advance(10_000)
  expect(started).toEqual(['a'])
})

test('a delay that is set during the work stays', async () => {
  const { clock, queue, started, end } = setUp()
  queue.start()
  queue.add('a')
  await setImmediate()
  queue.addAfter('a', 5000)
  await end('a')
  await clock.advance(5000)
  expect(started).toEqual(['a', 'a'])
})

test('failures come ever later, up to a bound, and after one success from the beginning', async () => {
  const backoff = { firstMilliseconds: 10, factor: 2, longestMilliseconds: 100, jitter: 0 }
  const { clock, queue, started, end } = setUp({ backoff })
  queue.start()
  const delays: number[] = []
  for (let failure = 0; failure < 6; failure += 1) {
    const before = clock.milliseconds()
    queue.addRateLimited('a')
    while (started.length === failure) await clock.advance(5)
    delays.push(clock.milliseconds() - before)
    await end('a')
  }
  expect(delays).toEqual([10, 20, 40, 80, 100, 100])
  expect(queue.failures('a')).toBe(6)
  queue.forget('a')
  expect(queue.failures('a')).toBe(0)
  queue.addRateLimited('a')
  await clock.advance(10)
  expect(started).toHaveLength(7)
})

test('work that throws is told, and harms no other', async () => {
  const done: string[] = []
  const { queue, faults } = setUp({
    workers: 1,
    async work(key) {
      if (key === 'bad') throw new Error('bad')
      done.push(key)
    },
  })
  queue.start()
  queue.add('bad')
  queue.add('good')
  await setImmediate()
  expect(done).toEqual(['good'])
  expect(faults).toEqual([new Error('bad')])
})

test('shutting down ends with the running work, and nothing else begins', async () => {
  const { clock, queue, started, end } = setUp({ workers: 1 })
  queue.start()
  queue.add('a')
  await setImmediate()
  for (const key of ['a', 'b']) queue.add(key)
  queue.addAfter('c', 10)
  let isDown = false
  const down = queue.shutDown().finally(() => {
    isDown = true
  })
  queue.add('d')
  queue.addRateLimited('e')
  await clock.advance(1000)
  expect(isDown).toBe(false)
  await end('a')
  await down
  expect(started).toEqual(['a'])
  await queue.shutDown()
})

test('one that never worked shuts down as well', async () => {
  const { queue, started } = setUp()
  queue.add('a')
  await queue.shutDown()
  queue.start()
  expect(started).toEqual([])
})

test('what the metrics are told adds up', async () => {
  const told = { added: 0, retried: 0, depth: [] as number[], waited: [] as number[], worked: [] as number[] }
  const { clock, queue, end } = setUp({
    workers: 1,
    metrics: {
      added: () => void (told.added += 1),
      retried: () => void (told.retried += 1),
      depth: waiting => void told.depth.push(waiting),
      started: seconds => void told.waited.push(seconds),
      finished: seconds => void told.worked.push(seconds),
    },
  })
  queue.start()
  queue.add('a')
  queue.add('b')
  queue.add('b')
  await clock.advance(3000)
  expect(queue.running()).toEqual([0])
  await end('a')
  await clock.advance(1000)
  await end('b')
  expect(told).toMatchObject({ added: 2, retried: 0, waited: [0, 3], worked: [3, 1] })
  expect(told.depth.at(-1)).toBe(0)
  expect(Math.max(...told.depth)).toBe(2)
})

test('whatever is added and ended in whatever order: every add is followed by the beginning of work on its key', async () => {
  const step = fc.record({
    do: fc.constantFrom('add', 'addAfter', 'addRateLimited', 'end', 'advance'),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const { clock, queue, started, open, end } = setUp()
      const begun = (key: string) => started.filter(each => each === key).length
      queue.start()
      /** How often work on a key had begun when it was last added. */
      const begunAtAdd = new Map<string, number>()
      for (const { do: action, key } of steps) {
        if (action === 'end') await end(key)
        else if (action === 'advance') await clock.advance(7)
        else {
          begunAtAdd.set(key, begun(key))
          if (action === 'addAfter') queue.addAfter(key, 20)
          else queue[action](key)
        }
        expect(open.size).toBeLessThanOrEqual(2)
      }
      await clock.advance(1_000_000)
      while (open.size > 0) for (const key of [...open.keys()]) await end(key)
      for (const [key, before] of begunAtAdd) expect(begun(key)).toBeGreaterThan(before)
      expect(queue.running()).toEqual([])
    }),
    { numRuns: 100 },
  )
})
