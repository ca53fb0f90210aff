import { expect, test } from 'vitest'
import { RateBucket } from './rate-bucket.ts'

test('bytes move at the rate, whoever takes them, and never before their time', () => {
  const bucket = new RateBucket(1000)
  expect([1, 2, 3].map(() => bucket.take(100, 1000, 1000))).toEqual([100, 200, 300])
  expect(bucket.take(100, 1000, 1250)).toBe(150)
})

test('what comes late catches up, but not with what it left unused long ago', () => {
  const bucket = new RateBucket(0)
  expect(bucket.take(100, 1000, 0)).toBe(100)
  expect(bucket.take(100, 1000, 130)).toBe(70)
  expect(bucket.take(10, 1000, 10_000)).toBe(0)
  expect(bucket.take(100, 1000, 10_000)).toBe(60)
})

test('over two seconds it is within 3 % of the rate, however late its timers are', () => {
  for (const late of [0, 3, 15, 40]) {
    const bucket = new RateBucket(0)
    let now = 0
    let moved = 0
    while (now < 2000) {
      now += bucket.take(5000, 100_000, now) + late
      if (now <= 2000) moved += 5000
    }
    expect(moved / 200_000, `${late} ms late`).toBeLessThanOrEqual(1.03)
    expect(moved / 200_000, `${late} ms late`).toBeGreaterThan(0.94)
  }
})

test('what was given back can be taken again', () => {
  const bucket = new RateBucket(0)
  bucket.take(1000, 1000, 0)
  bucket.giveBack(900, 1000)
  expect(bucket.take(100, 1000, 0)).toBe(200)
  expect([bucket.isIdle(200), bucket.isIdle(251)]).toEqual([false, true])
})
