import { expect, test } from 'vitest'
import { strayKeys } from './apply.ts'

const secret = (data?: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'uploads-users-0', namespace: 'media' },
  ...(data !== undefined && { data }),
})

test('a list of users that nobody wants is found, whoever put it there', () => {
  expect(strayKeys(secret({ a: 'MQ==' }), secret({ a: 'MQ==', b: 'Mg==' }))).toEqual(['b'])
})

test('what is wanted is no stray, and what is not there is none either', () => {
  expect(strayKeys(secret({ a: 'MQ==', b: 'Mg==' }), secret({ a: 'Mw==' }))).toEqual([])
  expect(strayKeys(secret({ a: 'MQ==' }), secret())).toEqual([])
})

test('what others add to objects of other kinds is theirs', () => {
  const service = { ...secret({ a: 'MQ==' }), kind: 'Service' }
  expect(strayKeys({ ...secret(), kind: 'Service' }, service)).toEqual([])
})
