import { expect, test } from 'vitest'
import { createStore } from './store.ts'

const object = (name: string, namespace: string, uses: readonly string[] = []) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  uses,
})

function filled() {
  const store = createStore({ uses: found => found['uses'] as string[] })
  store.set(object('a', 'x', ['s', 't']))
  store.set(object('b', 'x', ['t']))
  store.set(object('a', 'y'))
  return store
}

const keys = (objects: readonly { readonly metadata: { readonly name: string; readonly namespace?: string } }[]) =>
  objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)

test('objects are found by key, by namespace and by what they refer to', () => {
  const store = filled()
  expect(store.size).toBe(3)
  expect(store.get('x/b')).toMatchObject({ metadata: { name: 'b' } })
  expect(keys(store.list('x'))).toEqual(['x/a', 'x/b'])
  expect(keys(store.byIndex('uses', 't'))).toEqual(['x/a', 'x/b'])
  expect(store.byIndex('uses', 'unknown')).toEqual([])
})

test('what changed or is gone is not found as it was', () => {
  const store = filled()
  store.set(object('a', 'x', ['u']))
  store.delete('x/b')
  store.delete('x/none')
  expect(keys(store.byIndex('uses', 'u'))).toEqual(['x/a'])
  expect(store.byIndex('uses', 't')).toEqual([])
  expect(keys(store.list('x'))).toEqual(['x/a'])
  expect(store.size).toBe(2)
})

test('an index that nobody made is an error', () => {
  expect(() => filled().byIndex('none', 'x')).toThrow('no such index: none')
})
