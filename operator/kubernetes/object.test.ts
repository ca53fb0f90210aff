import { expect, test } from 'vitest'
import { kinds } from './kinds.ts'
import { controllerOf, keyOf, nameOfKey, pathOf } from './object.ts'
import { isOlder, newest } from './resource-version.ts'
import { microTime } from './time.ts'

test.for([
  [pathOf(kinds.pod, { namespace: 'a', name: 'b' }), '/api/v1/namespaces/a/pods/b'],
  [pathOf(kinds.deployment, {}), '/apis/apps/v1/deployments'],
  [
    pathOf(kinds.deployment, { namespace: 'a', name: 'b' }, 'status'),
    '/apis/apps/v1/namespaces/a/deployments/b/status',
  ],
  [pathOf(kinds.node, { namespace: 'ignored', name: 'n' }), '/api/v1/nodes/n'],
  [pathOf(kinds.pod, { namespace: '../x', name: 'b?c' }), '/api/v1/namespaces/..%2Fx/pods/b%3Fc'],
])('%s', ([path, expected]) => {
  expect(path).toBe(expected)
})

test('keys and names are each other inverse', () => {
  for (const name of [{ namespace: 'a', name: 'b' }, { name: 'c' }]) expect(nameOfKey(keyOf(name))).toEqual(name)
})

test('the owner is the one that controls, of any version of its kind', () => {
  const owner = { apiVersion: 'apps/v1beta1', kind: 'Deployment', name: 'd', uid: '1' }
  const owned = (reference: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', ownerReferences: [{ ...owner, ...reference }] },
  })
  expect(controllerOf(owned({ controller: true }), kinds.deployment)).toMatchObject({ name: 'd' })
  expect(controllerOf(owned({}), kinds.deployment)).toBeUndefined()
  expect(controllerOf(owned({ controller: true, apiVersion: 'other/v1' }), kinds.deployment)).toBeUndefined()
})

test('times have six digits after the point', () => {
  expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 60))).toBe('2026-01-02T03:04:05.060000Z')
})

test('versions have an order if they are numbers, however large, and none otherwise', () => {
  expect(isOlder('99', '100')).toBe(true)
  expect(isOlder('100', '99')).toBe(false)
  expect(isOlder('9007199254740993', '9007199254740994')).toBe(true)
  expect(isOlder('5', '5')).toBe(false)
  expect(isOlder('abc', '5')).toBe(false)
  expect(isOlder(undefined, '5')).toBe(false)
  expect(newest('9', '10')).toBe('10')
  expect(newest('10', '9')).toBe('10')
  expect(newest('10', 'x')).toBe('x')
})
