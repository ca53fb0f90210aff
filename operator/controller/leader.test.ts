import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { ApiError, TransportError } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createLeaderElector } from './leader.ts'
import { parseLease } from './lease.ts'

type Leases = Pick<Cluster, 'get' | 'create' | 'replace'>

/** One lease with the API server's rule for versions. */
function leaseServer() {
  let lease: KubernetesObject | undefined
  let version = 0
  const refuse = (status: number, reason: string) => {
    throw new ApiError({ status, reason, message: reason, causes: [], retryAfterSeconds: undefined })
  }
  const store = (object: object): KubernetesObject => {
    version += 1
    const { metadata, ...rest } = object as KubernetesObject
    lease = { ...rest, metadata: { ...metadata, resourceVersion: String(version) } }
    return lease
  }
  const leases: Leases = {
    get: async () => lease,
    create: async object => (lease === undefined ? store(object) : refuse(409, 'AlreadyExists')),
    replace: async object =>
      object.metadata.resourceVersion === lease?.metadata.resourceVersion ? store(object) : refuse(409, 'Conflict'),
  }
  return { leases, record: () => (lease === undefined ? undefined : parseLease(lease)) }
}

function setUp() {
  const clock = fakeClock()
  const server = leaseServer()
  const leading = new Set<string>()
  let most = 0
  function elector(identity: string, network: { up: boolean } = { up: true }) {
    const through = async <Value>(call: () => Promise<Value>): Promise<Value> => {
      if (!network.up) throw new TransportError('cut', 'the network is down')
      return call()
    }
    const changes: boolean[] = []
    const elected = createLeaderElector({
      cluster: {
        get: (...parameters) => through(() => server.leases.get(...parameters)),
        create: (...parameters) => through(() => server.leases.create(...parameters)),
        replace: (...parameters) => through(() => server.leases.replace(...parameters)),
      },
      lease: { namespace: 'system', name: 'operator' },
      identity,
      clock,
      random: () => 0.5,
      logger: createLogger('silent', { write: () => undefined }),
      onChange: leads => changes.push(leads),
      async lead(signal) {
        leading.add(identity)
        most = Math.max(most, leading.size)
        const { promise, resolve } = Promise.withResolvers<void>()
        signal.addEventListener('abort', () => resolve(), { once: true })
        await promise
        leading.delete(identity)
      },
    })
    return { ...elected, network, changes }
  }
  return { clock, server, leading, elector, most: () => most }
}

test('the first takes the lease, and renews it every two seconds', async () => {
  const { clock, server, elector, leading } = setUp()
  const one = elector('one')
  one.start()
  await clock.advance(0)
  expect(one.isLeader()).toBe(true)
  expect([...leading]).toEqual(['one'])
  const first = server.record()
  expect(first).toMatchObject({ holder: 'one', durationSeconds: 15, transitions: 0 })
  expect(first?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  await clock.advance(60_000)
  expect(one.isLeader()).toBe(true)
  expect(server.record()).toMatchObject({ holder: 'one', acquireTime: first?.acquireTime, transitions: 0 })
  expect(server.record()?.renewTime).not.toBe(first?.renewTime)
})

test('one that is stopped gives the lease back when its work has ended, and the next has it within a retry', async () => {
  const { clock, server, elector, leading } = setUp()
  const [one, two] = [elector('one'), elector('two')]
  one.start()
  await clock.advance(0)
  two.start()
  await clock.advance(5000)
  expect([...leading]).toEqual(['one'])
  const stopped = one.stop()
  await clock.advance(0)
  await stopped
  expect(server.record()?.holder).toBe('')
  expect(one.isLeader()).toBe(false)
  expect(one.changes).toEqual([true, false])
  await clock.advance(2500)
  expect([...leading]).toEqual(['two'])
  expect(server.record()).toMatchObject({ holder: 'two', transitions: 1 })
})

test('one that hears nothing any more gives up before another takes over, within 20 s', async () => {
  const { clock, elector, leading, most } = setUp()
  const [one, two] = [elector('one'), elector('two')]
  one.start()
  await clock.advance(0)
  two.start()
  await clock.advance(30_000)
  one.network.up = false
  await clock.advance(9000)
  expect(one.isLeader()).toBe(true)
  await clock.advance(1500)
  expect(one.isLeader()).toBe(false)
  expect([...leading]).toEqual([])
  await clock.advance(20_000 - 10_500)
  expect([...leading]).toEqual(['two'])
  expect(most()).toBe(1)
  one.network.up = true
  await clock.advance(10_000)
  expect(one.holder()).toBe('two')
  expect([...leading]).toEqual(['two'])
})

test('a clock that is wrong by hours makes nobody take a lease that is renewed', async () => {
  const { clock, elector, leading } = setUp()
  const past = elector('one')
  past.start()
  await clock.advance(0)
  const two = elector('two')
  two.start()
  await clock.advance(300_000)
  expect([...leading]).toEqual(['one'])
  expect(two.isLeader()).toBe(false)
})

test('a lease that is never renewed is taken after its own time, counted from when it was seen', async () => {
  const { clock, server, elector } = setUp()
  const spec = {
    holderIdentity: 'gone',
    leaseDurationSeconds: 40,
    // In the future by its own clock, which nobody believes.
    renewTime: '2099-01-01T00:00:00.000000Z',
    leaseTransitions: 7,
  }
  await server.leases.create({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'operator', namespace: 'system' },
    spec,
  } as never)
  const one = elector('one')
  one.start()
  await clock.advance(39_900)
  expect(one.isLeader()).toBe(false)
  await clock.advance(200)
  expect(one.isLeader()).toBe(true)
  expect(server.record()).toMatchObject({ holder: 'one', transitions: 8 })
})

test('work that ends by itself gives the lease back, and is begun again', async () => {
  const clock = fakeClock()
  const server = leaseServer()
  let terms = 0
  const elector = createLeaderElector({
    cluster: server.leases,
    lease: { namespace: 'system', name: 'operator' },
    identity: 'one',
    clock,
    random: () => 0,
    logger: createLogger('silent', { write: () => undefined }),
    async lead() {
      terms += 1
      throw new Error('broken')
    },
  })
  elector.start()
  await clock.advance(0)
  expect(terms).toBe(1)
  expect(server.record()?.holder).toBe('')
  await clock.advance(2500)
  expect(terms).toBe(2)
  await elector.stop()
})

test('three electors and a network that comes and goes: never two lead, and in the end one does', async () => {
  const step = fc.record({ who: fc.integer({ min: 0, max: 2 }), milliseconds: fc.integer({ min: 1, max: 20_000 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async steps => {
      const { clock, elector, leading, most } = setUp()
      const all = ['one', 'two', 'three'].map(identity => elector(identity))
      for (const each of all) each.start()
      for (const { who, milliseconds } of steps) {
        const network = all[who]?.network
        if (network !== undefined) network.up = !network.up
        await clock.advance(milliseconds)
        expect(all.filter(each => each.isLeader()).length).toBeLessThanOrEqual(1)
      }
      for (const { network } of all) network.up = true
      await clock.advance(25_000)
      expect(most()).toBe(1)
      expect(leading.size).toBe(1)
      expect(all.filter(each => each.isLeader())).toHaveLength(1)
    }),
    { numRuns: 30 },
  )
})
