import { expect, test } from 'vitest'
import type { Binding } from './binding.ts'
import { createBindings, type Decided, type SyncState } from './bindings.ts'

function binding(name: string, digest: string, generation = 1): Binding {
  return {
    key: `media/${name}`,
    uid: name,
    generation,
    username: name,
    verdict: { accepted: true },
    entry: { user: { name }, passwords: new Map(), digest },
  }
}

function setUp() {
  const told: string[] = []
  const bindings = createBindings(user => void told.push(user))
  const publish = (
    applied: SyncState,
    all: readonly Binding[],
    rejected: Decided['rejected'] = new Map(),
    homes: Decided['homes'] = new Map(),
  ) => {
    told.length = 0
    bindings.publish('media/uploads', { bindings: all, applied, rejected, homes })
    return [...told]
  }
  const of = (name: string) => bindings.of('media/uploads', `media/${name}`)
  return { bindings, publish, of, told }
}

test('tells of those who are new, changed or gone, and of nobody else', () => {
  const { publish } = setUp()
  expect(publish('pending', [binding('a', '1'), binding('b', '1')])).toEqual(['media/a', 'media/b'])
  expect(publish('pending', [binding('a', '1'), binding('b', '1')])).toEqual([])
  expect(publish('pending', [binding('a', '1', 2), binding('c', '1')])).toEqual(['media/a', 'media/b', 'media/c'])
})

test('a user is in force when pods have everything, and stays so while others change', () => {
  const { publish, of } = setUp()
  publish('pending', [binding('a', '1')])
  expect(of('a')?.synced).toBe('pending')
  expect(publish('synced', [binding('a', '1')])).toEqual(['media/a'])
  expect(publish('pending', [binding('a', '1'), binding('b', '1')])).toEqual(['media/b'])
  expect([of('a')?.synced, of('b')?.synced]).toEqual(['synced', 'pending'])
  expect(publish('refused', [binding('a', '2'), binding('b', '1')])).toEqual(['media/a', 'media/b'])
  expect([of('a')?.synced, of('b')?.synced]).toEqual(['refused', 'refused'])
  // The pods have the last good entry, which this is again.
  expect(publish('pending', [binding('a', '1'), binding('b', '1')])).toEqual(['media/a', 'media/b'])
  expect([of('a')?.synced, of('b')?.synced]).toEqual(['synced', 'pending'])
})

test('nobody is in force where no pod runs', () => {
  const { publish, of } = setUp()
  publish('synced', [binding('a', '1')])
  expect(publish('idle', [binding('a', '1')])).toEqual(['media/a'])
  expect(of('a')?.synced).toBe('idle')
})

test('whom pods refuse is not accepted, and told why', () => {
  const { publish, of } = setUp()
  publish('synced', [binding('a', '1'), binding('b', '1')])
  expect(publish('synced', [binding('a', '1'), binding('b', '1')], new Map([['a', 'must be another name']]))).toEqual([
    'media/a',
  ])
  expect(of('a')?.verdict).toEqual({ accepted: false, reason: 'Rejected', message: 'must be another name' })
})

test('with the server all that was decided is gone', () => {
  const { bindings, publish, of, told } = setUp()
  publish('synced', [binding('a', '1')])
  told.length = 0
  bindings.forget('media/uploads')
  expect(told).toEqual(['media/a'])
  expect(of('a')).toBeUndefined()
  bindings.forget('media/uploads')
  expect(told).toEqual(['media/a'])
})

test('how far the removal of a home is goes on to the user, each step once', () => {
  const { publish, of } = setUp()
  const leaving: Binding = { ...binding('a', '1'), leaving: { kind: 'withdrawn' } }
  const waiting = { kind: 'waiting', reason: 'RemovingHome', message: 'pod x' } as const
  const steps = [waiting, waiting, { kind: 'removed' }, { kind: 'withdrawn' }] as const
  const told = steps.map(step => publish('synced', [leaving], new Map(), new Map([['media/a', step]])))
  expect(told).toEqual([['media/a'], [], ['media/a'], ['media/a']])
  expect(of('a')?.home).toEqual({ kind: 'withdrawn' })
})
