import { expect, onTestFinished, test } from 'vitest'
import { Alarm } from './alarm.ts'

test('goes off once each deadline has passed, in whatever order they were told', async () => {
  const { alarm, left, over } = alarmFor([60, 20, -5, 40])
  await over
  expect(left.size).toBe(0)
  alarm.heed(performance.now() + 10_000)
})

test('tells of a deadline that was sooner than those before', async () => {
  const { alarm, left, over } = alarmFor([60_000])
  const sooner = performance.now() + 20
  left.add(sooner)
  alarm.heed(sooner)
  await over
  expect(performance.now()).toBeGreaterThanOrEqual(sooner)
  expect(left.size).toBe(1)
})

test('goes off no more once it is closed', async () => {
  const { alarm, left } = alarmFor([10])
  alarm.close()
  alarm.heed(performance.now() + 1)
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(left.size).toBe(1)
})

/** Deadlines in so many milliseconds. `over` resolves when none is left within a second. */
function alarmFor(milliseconds: readonly number[]) {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const left = new Set(milliseconds.map(each => performance.now() + each))
  const alarm = new Alarm(() => {
    const now = performance.now()
    for (const deadline of left) if (deadline <= now) left.delete(deadline)
    for (const deadline of left) alarm.heed(deadline)
    if ([...left].every(deadline => deadline > now + 1000)) resolve()
  })
  for (const deadline of left) alarm.heed(deadline)
  onTestFinished(() => alarm.close())
  return { alarm, left, over }
}
