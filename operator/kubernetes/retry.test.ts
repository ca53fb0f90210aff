import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMilliseconds } from '../time/backoff.ts'
import { ApiError, TransportError, type TransportErrorKind } from './api-error.ts'
import { type Method, retryMilliseconds } from './retry.ts'

const never = () => 0
const answer = (status: number, retryAfterSeconds?: number) =>
  new ApiError({ status, reason: 'X', message: 'x', causes: [], retryAfterSeconds })
const unheard = (kind: TransportErrorKind) => new TransportError(kind, 'x')

test.for<[string, unknown, Method, number | undefined]>([
  ['429 is tried again, whatever the method', answer(429), 'POST', 200],
  ['429 with Retry-After as late as it says', answer(429, 3), 'POST', 3000],
  ['Retry-After of an hour is not believed', answer(429, 3600), 'GET', 30_000],
  ['503 is tried again', answer(503), 'PATCH', 200],
  ['500 of a creation is not: it may have happened', answer(500), 'POST', undefined],
  ['unless the server says when to come back', answer(500, 1), 'POST', 1000],
  ['404 is an answer', answer(404), 'GET', undefined],
  ['409 is an answer', answer(409), 'PUT', undefined],
  ['a refused connection is tried again even for a creation', unheard('unsent'), 'POST', 200],
  ['a cut creation is not', unheard('cut'), 'POST', undefined],
  ['a cut apply is', unheard('cut'), 'PATCH', 200],
  ['silence is', unheard('timeout'), 'GET', 200],
  ['what is no API is not', unheard('malformed'), 'GET', undefined],
  ['our own defects are not', new TypeError('x'), 'GET', undefined],
])('%s', ([, error, method, expected]) => {
  expect(retryMilliseconds(error, method, 1, never)).toBe(expected)
})

test('after five attempts it is enough', () => {
  expect(retryMilliseconds(answer(503), 'GET', 4, never)).toBe(1600)
  expect(retryMilliseconds(answer(503), 'GET', 5, never)).toBeUndefined()
})

test('backoff grows to its bound, and chance adds no more than its part', () => {
  const policy = { firstMilliseconds: 800, factor: 2, longestMilliseconds: 30_000, jitter: 0.5 }
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, chance) => {
        const delay = backoffMilliseconds(policy, failures, () => chance)
        const least = backoffMilliseconds(policy, failures, never)
        expect(least).toBeGreaterThanOrEqual(800)
        expect(least).toBeLessThanOrEqual(30_000)
        expect(delay).toBeGreaterThanOrEqual(least)
        expect(delay).toBeLessThanOrEqual(least * 1.5)
        expect(backoffMilliseconds(policy, failures + 1, never)).toBeGreaterThanOrEqual(least)
      },
    ),
  )
})
