import { expect, test } from 'vitest'
import { now, pod, report } from '../../test/operator/samples.ts'
import { hasInForce, isStampDue, nextStampMilliseconds, stampValue } from './stamp.ts'

const seconds = 1000

test('a pod that has other files is told, and one that has these is not', () => {
  expect(isStampDue(pod({ report: report('old') }), 'new', now)).toBe(true)
  expect(isStampDue(pod({ report: report('new') }), 'new', now)).toBe(false)
})

test('a pod that serves and does not answer is told as well', () => {
  expect(isStampDue(pod(), 'new', now)).toBe(true)
})

test('a pod that just starts reads what there is by itself', () => {
  const starting = { ...pod({ ready: false }), created: now - 2 * seconds }
  expect(isStampDue(starting, 'new', now)).toBe(false)
  expect(isStampDue(starting, 'new', now + 10 * seconds)).toBe(true)
})

test('a pod that was told is told again a few times, in growing intervals', () => {
  let stamp: string | undefined
  const times: number[] = []
  for (let time = now; time < now + 3600 * seconds; time += seconds) {
    const current = pod({ report: report('old'), ...(stamp !== undefined && { stamp }) })
    if (!isStampDue(current, 'new', time)) continue
    stamp = stampValue(stamp, 'new', time)
    times.push((time - now) / seconds)
  }
  expect(times).toEqual([0, 2, 6, 14, 30, 62])
})

test('other files begin anew', () => {
  const stamp = stampValue('old 5 2030-01-01T12:00:00.000Z', 'new', now)
  expect(stamp).toBe('new 1 2030-01-01T12:00:00.000Z')
})

test('an annotation that somebody wrote by hand does not count', () => {
  expect(isStampDue(pod({ stamp: 'nonsense', report: report('old') }), 'new', now)).toBe(true)
})

test('a pod is looked at every second at first, and ever more rarely later', () => {
  const stamp = stampValue(undefined, 'new', now)
  const behind = pod({ report: report('old'), stamp })
  expect(nextStampMilliseconds(behind, 'new', now)).toBe(seconds)
  expect(nextStampMilliseconds(behind, 'new', now + 40 * seconds)).toBe(10 * seconds)
  expect(nextStampMilliseconds(behind, 'new', now + 3600 * seconds)).toBe(60 * seconds)
  expect(nextStampMilliseconds(pod({ report: report('new') }), 'new', now)).toBeUndefined()
})

test('a pod that refuses what it has is told when what it keeps in force is wanted again', () => {
  const keeps = pod({ report: report('new', { problemCount: 1 }), stamp: stampValue(undefined, 'broken', now) })
  expect(hasInForce(keeps, 'new')).toBe(false)
  expect(isStampDue(keeps, 'new', now)).toBe(true)
  expect(nextStampMilliseconds(keeps, 'new', now)).toBe(seconds)
  expect(hasInForce(pod({ report: report('new') }), 'new')).toBe(true)
})
