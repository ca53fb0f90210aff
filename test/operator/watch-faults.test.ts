/** An informer against an API server that misbehaves in every way that was seen in the field. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createInformer, type Informer } from '../../operator/controller/informer.ts'
import { createCluster } from '../../operator/kubernetes/cluster.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { createTransport, type Transport } from '../../operator/kubernetes/transport.ts'
import { createLogger } from '../../operator/telemetry/logger.ts'
import { type FakeApiServer, startFakeApiServer, type WatchFault } from '../support/control-plane/fake-api-server.ts'
import { eventually } from '../support/eventually.ts'
import { fastClock } from '../support/fake-clock.ts'

let api: FakeApiServer
let transport: Transport
let informer: Informer
/** What the handler was told: versions in order, and the copy that follows from it. */
let seen: string[]
let copy: Map<string, string>
let logged: string[]
// Minutes of silence and backoff pass in seconds.
const clock = fastClock(25)

beforeEach(async () => {
  api = await startFakeApiServer()
  transport = createTransport({ credentials: api.credentials, clock, random: Math.random, userAgent: 'test' })
  const cluster = createCluster({ transport, clock, kinds: Object.values(kinds) })
  logged = []
  const logger = createLogger('warn', { write: line => logged.push(line) })
  const selection = { namespace: 'default' }
  informer = createInformer({ cluster, kind: kinds.configMap, selection, clock, random: Math.random, logger })
  seen = []
  copy = new Map()
  informer.subscribe(({ key, before, after }) => {
    // What it says was there before is what it said to be there last.
    expect(before?.metadata.resourceVersion).toBe(copy.get(key))
    if (after === undefined) copy.delete(key)
    else copy.set(key, after.metadata.resourceVersion ?? '')
    seen.push(after?.metadata.resourceVersion ?? 'gone')
  })
})

afterEach(async () => {
  await informer.stop()
  expect(logged.filter(line => line.includes('a handler of changes failed'))).toEqual([])
  await transport.close()
  await api.close()
})

async function start(): Promise<void> {
  informer.start()
  await informer.synced(AbortSignal.timeout(10_000))
}

async function untilEqual(): Promise<void> {
  const wanted = () => Object.fromEntries(Object.entries(api.state()).map(([name, at]) => [`default/${name}`, at]))
  await eventually(
    () => JSON.stringify(sorted(copy)) === JSON.stringify(sorted(Object.entries(wanted()))),
    'the copy equals the original',
    15_000,
  )
  const stored = informer.list().map(({ metadata }) => [`default/${metadata.name}`, metadata.resourceVersion])
  expect(Object.fromEntries(stored)).toEqual(wanted())
}

function sorted(entries: Iterable<readonly [string, string]>): (readonly [string, string])[] {
  return [...entries].toSorted(([one], [other]) => (one < other ? -1 : 1))
}

/** Waits until a watch is open, so that what follows goes through it. */
async function untilWatching(watches: number): Promise<void> {
  await eventually(() => api.counts.watches >= watches && api.counts.openWatches === 1, `watch ${watches} is open`)
}

test('a list comes in pages, and starts anew without pages if the moment they are of is forgotten', async () => {
  for (let index = 0; index < 10; index += 1) api.put(`object-${index}`)
  api.listFaults.push({ fault: 'expired-page' })
  await start()
  expect(informer.list()).toHaveLength(10)
  expect(api.requests.filter(({ url }) => url.includes('continue='))).toHaveLength(1)
})

const resumed: readonly (readonly [string, WatchFault])[] = [
  ['a cut before the first event', { fault: 'cut', afterEvents: 0 }],
  ['a cut in the middle of the third event', { fault: 'cut', afterEvents: 2 }],
  ['429 with Retry-After', { fault: 'status', code: 429, retryAfterSeconds: 1 }],
  ['429 as an event', { fault: 'error-event', code: 429 }],
  ['a connection that is silent', { fault: 'silence' }],
  ['no answer at all', { fault: 'no-answer' }],
  ['events in pieces of a few bytes', { fault: 'shredded' }],
  ['events that come twice', { fault: 'repeated' }],
]

test.for(resumed)('after %s every change is seen once, without another list', async ([, fault]) => {
  api.put('a')
  await start()
  await untilWatching(1)
  // The first watch ends, so that the next has the fault.
  api.watchFaults.push(fault)
  api.put('a')
  await eventually(() => seen.length === 2, 'the watch works')
  api.cutWatches()
  await eventually(() => api.watchFaults.length === 0, 'the fault is met')
  for (const name of ['b', 'a', 'b', 'c']) api.put(name)
  api.remove('b')
  await untilEqual()
  api.put('after')
  await untilEqual()
  const versions = api.history().filter((_, index) => index !== api.history().length - 2)
  expect(seen.filter(version => version !== 'gone')).toEqual(versions)
  expect(seen.filter(version => version === 'gone')).toHaveLength(1)
  expect(api.counts.lists).toBe(1)
  expect(api.counts.mostOpenWatches).toBe(1)
})

const relisted: readonly (readonly [string, WatchFault])[] = [
  ['410 as status', { fault: 'status', code: 410 }],
  ['410 as an event', { fault: 'error-event', code: 410 }],
  ['500 as an event', { fault: 'error-event', code: 500 }],
  ['503', { fault: 'status', code: 503 }],
  ['403', { fault: 'status', code: 403 }],
  ['something that is no JSON', { fault: 'garbage' }],
  ['a watch that ends as soon as it begins', { fault: 'ended' }],
]

test.for(relisted)('after %s a list makes up for what was missed, and the next watch goes on', async ([, fault]) => {
  api.put('gone')
  api.put('changed')
  api.put('same')
  await start()
  await untilWatching(1)
  api.watchFaults.push(fault)
  api.cutWatches()
  await eventually(() => api.watchFaults.length === 0, 'the fault is met')
  api.remove('gone')
  api.put('changed')
  api.put('new')
  await untilEqual()
  api.put('after')
  await untilEqual()
  // What had not changed was not told again.
  expect(seen.filter(version => version === api.state()['same'])).toHaveLength(1)
  expect(api.counts.lists).toBeGreaterThan(1)
  expect(api.counts.mostOpenWatches).toBe(1)
})

test('events of different objects in the wrong order leave both as they should be', async () => {
  await start()
  await untilWatching(1)
  api.watchFaults.push({ fault: 'swapped' })
  api.cutWatches()
  await untilWatching(2)
  api.put('a')
  api.put('b')
  await untilEqual()
  expect(seen.toSorted()).toEqual(api.history())
})

test('an old event that comes late brings nothing back', async () => {
  await start()
  await untilWatching(1)
  api.watchFaults.push({ fault: 'repeated' })
  api.cutWatches()
  await untilWatching(2)
  api.put('a')
  // The deletion comes with the event before, once more.
  api.remove('a')
  api.put('b')
  await untilEqual()
  expect(seen).toEqual([api.history()[0], 'gone', api.history()[2]])
})

test('bookmarks move the position on, so that a forgotten past is not asked for', async () => {
  await start()
  await untilWatching(1)
  api.put('a')
  api.bookmark()
  await untilEqual()
  api.compact()
  api.cutWatches()
  await untilWatching(2)
  api.put('b')
  await untilEqual()
  expect(api.counts.lists).toBe(1)
})

test('lists that fail are tried until one succeeds', async () => {
  api.put('a')
  api.listFaults.push(
    { fault: 'status', code: 500 },
    { fault: 'cut' },
    { fault: 'status', code: 429, retryAfterSeconds: 1 },
    { fault: 'status', code: 403 },
    { fault: 'no-answer' },
  )
  await start()
  expect(informer.get('default/a')).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' })
  expect(informer.get('default/a')?.metadata).not.toHaveProperty('managedFields')
})

test('a hundred faults of all kinds, while objects change, lose nothing and leave one watch', async () => {
  // Those that only silence tells are slow, and have their tests above.
  const faults = [...resumed, ...relisted]
    .map(([, fault]) => fault)
    .filter(({ fault }) => fault !== 'silence' && fault !== 'no-answer')
  await start()
  for (let round = 0; round < 100; round += 1) {
    const fault = faults[round % faults.length]
    if (fault !== undefined) api.watchFaults.push(fault)
    api.cutWatches()
    await eventually(() => {
      api.put(`object-${(round * 5) % 7}`)
      if (round % 3 === 0) api.remove(`object-${round % 7}`)
      return api.watchFaults.length === 0
    }, 'the fault is met')
    await untilEqual()
    // Through the watch, not by a list: what works again begins its backoff from the start.
    api.put('last')
    await untilEqual()
  }
  expect(api.counts.mostOpenWatches).toBe(1)
  await eventually(() => api.counts.openWatches === 1, 'a watch is open')
}, 90_000)

test('cut over and over without a word between, a watch comes back within seconds, and lists see to what it lacks', async () => {
  await start()
  await untilWatching(1)
  for (let cuts = 1; cuts <= 12; cuts += 1) {
    api.cutWatches()
    await untilWatching(cuts + 1)
  }
  const delays = logged.map(line => (JSON.parse(line) as { readonly delayMilliseconds: number }).delayMilliseconds)
  expect(Math.max(...delays)).toBeLessThanOrEqual(13_000)
  expect(api.counts.lists).toBeGreaterThan(1)
  api.put('after')
  await untilEqual()
}, 60_000)

test('stopped in the middle of anything, it ends at once and sends nothing more', async () => {
  api.watchFaults.push({ fault: 'no-answer' })
  await start()
  await eventually(() => api.counts.openWatches === 1, 'the watch waits for an answer')
  await informer.stop()
  await eventually(() => api.counts.openWatches === 0, 'the connection is closed')
  const before = api.requests.length
  informer.start()
  await informer.stop()
  expect(api.requests).toHaveLength(before)
  await expect(informer.synced(AbortSignal.abort())).rejects.toThrow()
})

test('stopped before the first list, whoever waits for it is told', async () => {
  api.listFaults.push({ fault: 'no-answer' })
  informer.start()
  const synced = informer.synced()
  await eventually(() => api.requests.length === 1, 'the list is asked for')
  await informer.stop()
  await expect(synced).rejects.toThrow(/stopped/)
  expect(informer.hasSynced()).toBe(false)
})
