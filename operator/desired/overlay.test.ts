import { expect, test } from 'vitest'
import { overlay } from './overlay.ts'

test('objects are merged key by key, and the upper one wins', () => {
  expect(overlay({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 4 }, e: 5 })).toEqual({ a: 1, b: { c: 2, d: 4 }, e: 5 })
})

test('null takes a key away', () => {
  expect(overlay({ limits: { cpu: 1, memory: 2 } }, { limits: { cpu: null } })).toEqual({ limits: { memory: 2 } })
})

test('lists of named items are merged item by item, new ones at the end', () => {
  const base = { containers: [{ name: 'ftp-server', image: 'a', args: ['serve'] }] }
  const above = { containers: [{ name: 'sidecar' }, { name: 'ftp-server', image: 'b' }] }
  expect(overlay(base, above)).toEqual({
    containers: [{ name: 'ftp-server', image: 'b', args: ['serve'] }, { name: 'sidecar' }],
  })
})

test('mounts are told apart by their path: one volume may have several', () => {
  const base = { volumeMounts: [{ name: 'data', mountPath: '/data' }] }
  expect(overlay(base, { volumeMounts: [{ name: 'data', mountPath: '/more' }] })).toEqual({
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'data', mountPath: '/more' },
    ],
  })
})

test('other lists are replaced', () => {
  expect(overlay({ args: ['a', 'b'], tolerations: [{ key: 'x' }] }, { args: ['c'], tolerations: [] })).toEqual({
    args: ['c'],
    tolerations: [],
  })
})

test('neither argument is changed', () => {
  const base = Object.freeze({ a: Object.freeze({ b: 1 }) })
  expect(overlay(base, { a: { b: 2 } })).toEqual({ a: { b: 2 } })
  expect(base).toEqual({ a: { b: 1 } })
})
