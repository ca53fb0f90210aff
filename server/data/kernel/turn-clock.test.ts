import { expect, it } from 'vitest'
import { TurnClock } from './turn-clock.ts'

it('finds a turn of the event loop long after a while, and the next one not', async () => {
  let now = 1000
  const clock = new TurnClock(() => now)
  expect(clock.isLong()).toBe(false)
  now += 7
  expect(clock.isLong()).toBe(false)
  now += 2
  expect(clock.isLong()).toBe(true)
  await new Promise(resolve => setImmediate(resolve))
  expect(clock.isLong()).toBe(false)
})
