import { expect, test } from 'vitest'
import { ftpUser, now } from '../../test/operator/samples.ts'
import { madeKey, passwordAge, previousExpiresKey } from './password-age.ts'

const user = (fields: string) => ftpUser('alice', `{ generatedPassword: { ${fields} } }`)
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString()
const written = (made: number, ends?: number) => ({
  [madeKey]: at(made),
  ...(ends !== undefined && { [previousExpiresKey]: at(ends) }),
})

test('a password stays unless it is to be renewed, and then counts from when it was made', () => {
  expect(passwordAge(user(''), written(-3600), now)).toMatchObject({ renewAt: undefined, isAhead: false })
  const age = passwordAge(user('rotateAfterSeconds: 100000'), written(-3600), now)
  expect(age).toMatchObject({ madeAt: now - 3_600_000, renewAt: now + 96_400_000, isAhead: false })
})

test('the one before it ends when it was said to', () => {
  expect(passwordAge(user(''), written(-60, 60), now)).toMatchObject({ previousEndsAt: now + 60_000, isAhead: false })
  expect(passwordAge(user(''), written(-60), now).previousEndsAt).toBeUndefined()
})

test('a clock that was ahead puts neither off', () => {
  const age = passwordAge(user('rotateAfterSeconds: 100000'), written(31_536_000, 31_622_400), now)
  expect(age).toEqual({
    madeAt: now,
    renewAt: now + 100_000_000,
    previousEndsAt: now + 86_400_000,
    isAhead: true,
  })
})

test('a shorter overlap holds at once', () => {
  const age = passwordAge(user('overlapSeconds: 0'), written(-60, 3600), now)
  expect(age).toMatchObject({ previousEndsAt: now, isAhead: true })
})

test('where nothing is written, it is as old as the look at it', () => {
  expect(passwordAge(user(''), {}, now)).toMatchObject({ madeAt: now, previousEndsAt: undefined, isAhead: true })
})
