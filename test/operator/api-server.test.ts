/** The client against a real API server. */
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect } from 'vitest'
import { createInformer, type Informer } from '../../operator/controller/informer.ts'
import { createLeaderElector } from '../../operator/controller/leader.ts'
import { hasReason, isExpired } from '../../operator/kubernetes/api-error.ts'
import { type Cluster, createCluster } from '../../operator/kubernetes/cluster.ts'
import { createCredentials } from '../../operator/kubernetes/credentials.ts'
import { createEventRecorder } from '../../operator/kubernetes/events.ts'
import { kinds } from '../../operator/kubernetes/kinds.ts'
import { createTransport, type Transport } from '../../operator/kubernetes/transport.ts'
import { createLogger } from '../../operator/telemetry/logger.ts'
import { systemClock } from '../../operator/time/clock.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { eventually } from '../support/eventually.ts'
import { fastClock } from '../support/fake-clock.ts'

let server: ApiServer
let transport: Transport
let cluster: Cluster
const logger = createLogger('silent', process.stderr)
const random = Math.random

beforeAll(async () => {
  if (kubebuilderAssets.directory === undefined) return
  server = await startApiServer()
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromFile(server.kubeconfig)
  transport = createTransport({
    credentials: createCredentials(kubeConfig, systemClock),
    clock: systemClock,
    random,
    userAgent: 'test',
  })
  cluster = createCluster({ transport, clock: systemClock, kinds: Object.values(kinds) })
}, 90_000)

afterAll(async () => {
  await transport?.close()
  await server?.stop()
}, 30_000)

const mine = { fieldManager: 'mine', force: true }

function configMap(name: string, data: Record<string, string>, space = 'default') {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: space }, data }
}

async function namespace(name: string): Promise<string> {
  await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

function informerOf(namespaceName: string, kind: (typeof kinds)['configMap'] = kinds.configMap): Informer {
  const selection = { namespace: namespaceName }
  return createInformer({ cluster, kind, selection, clock: systemClock, random, logger })
}

clusterTest(
  'apply creates, changes only what it names, takes fields back, and writes nothing if nothing changes',
  async () => {
    const created = await cluster.apply(configMap('applied', { a: '1', b: '2' }), mine)
    expect(created).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'applied' }, data: { a: '1', b: '2' } })
    const same = await cluster.apply(configMap('applied', { a: '1', b: '2' }), mine)
    expect(same.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
    await cluster.apply(configMap('applied', { c: 'theirs' }), { fieldManager: 'theirs', force: false })
    const conflict = await cluster
      .apply(configMap('applied', { a: 'x' }), { fieldManager: 'theirs', force: false })
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    expect(hasReason(conflict, 'Conflict')).toBe(true)
    expect(conflict).toMatchObject({ status: 409, causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }] })
    const dropped = await cluster.apply(configMap('applied', { a: '1' }), mine)
    expect(dropped['data']).toEqual({ a: '1', c: 'theirs' })
  },
)

clusterTest('a dry run answers and changes nothing', async () => {
  const answer = await cluster.apply(configMap('dry', { a: '1' }), { ...mine, dryRun: true })
  expect(answer['data']).toEqual({ a: '1' })
  expect(await cluster.get(kinds.configMap, { namespace: 'default', name: 'dry' })).toBeUndefined()
})

clusterTest('what the API server refuses names the field', async () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'wrong', namespace: 'default' },
    spec: { ports: [{ port: 99_999 }] },
  }
  await expect(cluster.apply(service, mine)).rejects.toMatchObject({
    name: 'ApiError',
    status: 422,
    reason: 'Invalid',
    causes: [{ field: 'spec.ports[0].port' }, { field: 'spec.ports[0].targetPort' }],
  })
})

clusterTest('status is applied by its own manager, and leaves the spec alone', async () => {
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'budget', namespace: 'default' },
  }
  await cluster.apply({ ...budget, spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } } } as never, mine)
  const status = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 }
  const applied = await cluster.applyStatus({ ...budget, status } as never, {
    fieldManager: 'mine-status',
    force: true,
  })
  expect(applied).toMatchObject({ spec: { minAvailable: 1 }, status: { currentHealthy: 1 } })
})

clusterTest('a merge patch changes one annotation, and tells if there is no such object', async () => {
  await cluster.apply(configMap('patched', { a: '1' }), mine)
  const patch = { metadata: { annotations: { stamp: 'now' } } }
  const name = { namespace: 'default', name: 'patched' }
  const patched = await cluster.patchMerge(kinds.configMap, name, patch)
  expect(patched).toMatchObject({ metadata: { annotations: { stamp: 'now' } }, data: { a: '1' } })
  expect(await cluster.patchMerge(kinds.configMap, { ...name, name: 'none' }, patch)).toBeUndefined()
})

clusterTest('delete takes the very object that was meant, once', async () => {
  const { metadata } = await cluster.apply(configMap('deleted', { a: '1' }), mine)
  const other = { uid: '00000000-0000-0000-0000-000000000000' }
  await expect(cluster.delete(kinds.configMap, metadata, other)).rejects.toMatchObject({ reason: 'Conflict' })
  const { uid, resourceVersion } = metadata
  expect(await cluster.delete(kinds.configMap, metadata, { uid, resourceVersion, propagation: 'Background' })).toBe(
    true,
  )
  expect(await cluster.delete(kinds.configMap, metadata)).toBe(false)
  expect(await cluster.get(kinds.configMap, metadata)).toBeUndefined()
})

clusterTest(
  'a list is read in pages, complete, with kind and apiVersion in each item',
  async () => {
    const space = await namespace('paging')
    const names = Array.from({ length: 1101 }, (_, index) => `item-${String(index).padStart(4, '0')}`)
    const queue = [...names]
    const worker = async () => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        await cluster.create(configMap(name, { name }, space))
      }
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    const { items } = await cluster.list(kinds.configMap, { namespace: space })
    expect(items.map(({ metadata }) => metadata.name)).toEqual(names)
    expect(items.every(({ kind, apiVersion }) => kind === 'ConfigMap' && apiVersion === 'v1')).toBe(true)
    const bare = await cluster.list(kinds.configMap, { namespace: space, metadataOnly: true })
    expect(bare.items).toHaveLength(1101)
    expect(bare.items[0]).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'item-0000' } })
    expect(bare.items[0]).not.toHaveProperty('data')
  },
  60_000,
)

clusterTest('served kinds are known from unserved ones, also when they come while we run', async () => {
  const now = { milliseconds: 0 }
  const clock = { ...systemClock, milliseconds: () => now.milliseconds }
  const fresh = createCluster({ transport, clock, kinds: Object.values(kinds) })
  expect(await fresh.isServed(kinds.deployment)).toBe(true)
  expect(await fresh.isServed(kinds.configMap)).toBe(true)
  expect(await fresh.isServed(kinds.podMonitor)).toBe(false)
  const { group, plural, kind } = kinds.podMonitor
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  await cluster.apply(
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, kind },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    } as never,
    mine,
  )
  await eventually(async () => {
    now.milliseconds += 60_000
    return fresh.isServed(kinds.podMonitor)
  }, 'the new kind is served')
})

clusterTest(
  'an informer lists what is there and sees every change after it, once',
  async () => {
    const space = await namespace('informed')
    await cluster.create(configMap('old', {}, space))
    const informer = informerOf(space)
    const seen: string[] = []
    informer.subscribe(({ key, before, after }) => {
      seen.push(`${before === undefined ? 'new' : after === undefined ? 'gone' : 'changed'} ${key}`)
    })
    informer.start()
    informer.start()
    try {
      await informer.synced(AbortSignal.timeout(10_000))
      expect(informer.list(space).map(({ metadata }) => metadata.name)).toEqual(['old'])
      expect(informer.get(`${space}/old`)?.metadata.managedFields).toBeUndefined()
      await cluster.apply(configMap('young', { a: '1' }, space), mine)
      await cluster.apply(configMap('young', { a: '2' }, space), mine)
      await cluster.delete(kinds.configMap, { namespace: space, name: 'young' })
      await eventually(() => seen.includes(`gone ${space}/young`), 'the deletion is seen')
      expect(seen).toEqual([`new ${space}/old`, `new ${space}/young`, `changed ${space}/young`, `gone ${space}/young`])
    } finally {
      await informer.stop()
    }
  },
  30_000,
)

clusterTest('a watch tells everything since the version it is given, and ends when its time is over', async () => {
  const space = await namespace('resumed')
  await cluster.create(configMap('old', {}, space))
  const { resourceVersion } = await cluster.list(kinds.configMap, { namespace: space })
  await cluster.apply(configMap('young', { a: '1' }, space), mine)
  await cluster.apply(configMap('young', { a: '2' }, space), mine)
  await cluster.delete(kinds.configMap, { namespace: space, name: 'young' })
  const signal = AbortSignal.timeout(20_000)
  const selection = { namespace: space, resourceVersion, timeoutSeconds: 1, inactivitySeconds: 10, signal }
  const told: string[] = []
  for await (const event of cluster.watch(kinds.configMap, selection)) told.push(event.type)
  expect(told.filter(type => type !== 'bookmark')).toEqual(['added', 'modified', 'deleted'])
})

clusterTest(
  'requests to a server that stands still are tried again, and answered when it goes on',
  async () => {
    const codes: string[] = []
    const clock = fastClock(20)
    const { credentials } = server
    const onAttempt = ({ code }: { readonly code: string }) => void codes.push(code)
    const patient = createTransport({ credentials, clock, random, userAgent: 'test', onAttempt })
    try {
      const waiting = createCluster({ transport: patient, clock, kinds: Object.values(kinds) })
      server.pause()
      const asked = waiting.get(kinds.namespace, { name: 'default' }, { deadlineSeconds: 200 })
      await eventually(() => codes.includes('<error>'), 'an attempt has failed', 10_000)
      server.resume()
      expect(await asked).toMatchObject({ kind: 'Namespace', metadata: { name: 'default' } })
    } finally {
      server.resume()
      await patient.close()
    }
  },
  30_000,
)

clusterTest('an informer of metadata holds no data', async () => {
  const space = await namespace('bare')
  const selection = { namespace: space, metadataOnly: true, labelSelector: 'watch=me' }
  const informer = createInformer({ cluster, kind: kinds.secret, selection, clock: systemClock, random, logger })
  informer.start()
  try {
    await informer.synced(AbortSignal.timeout(10_000))
    const secret = (name: string, labels: Record<string, string>) =>
      cluster.create({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: space, labels },
        stringData: { password: 'secret' },
      } as never)
    await secret('unseen', {})
    await secret('seen', { watch: 'me' })
    await eventually(() => informer.get(`${space}/seen`), 'the Secret is seen')
    expect(Object.keys(informer.list()[0] ?? {}).toSorted()).toEqual(['apiVersion', 'kind', 'metadata'])
    expect(informer.list()).toHaveLength(1)
    expect(informer.get(`${space}/seen`)).toMatchObject({ apiVersion: 'v1', kind: 'Secret' })
  } finally {
    await informer.stop()
  }
})

clusterTest('an event is created, counted when it repeats, and created anew when it is gone', async () => {
  const space = await namespace('events')
  const now = { milliseconds: Date.now() }
  const clock = { ...systemClock, wallMilliseconds: () => now.milliseconds }
  const regarding = await cluster.create(configMap('subject', {}, space))
  const warnings: string[] = []
  const loud = createLogger('warn', { write: line => warnings.push(line) })
  const recorder = createEventRecorder({
    cluster,
    controller: 'example.io/controller',
    instance: 'pod-1',
    clock,
    logger: loud,
  })
  const record = () =>
    recorder.record(regarding, { type: 'Warning', reason: 'Broken', action: 'Mend', note: `it is ${'ä'.repeat(2000)}` })
  const events = async () => (await cluster.list(kinds.event, { namespace: space })).items
  record()
  const [first] = await eventually(async () => ((await events()).length === 1 ? events() : undefined), 'the event')
  expect(first).toMatchObject({
    type: 'Warning',
    reason: 'Broken',
    reportingController: 'example.io/controller',
    regarding: { kind: 'ConfigMap', name: 'subject', uid: regarding.metadata.uid },
  })
  now.milliseconds += 60_000
  record()
  await eventually(async () => {
    const [event] = await events()
    return (event?.['series'] as { count?: number } | null | undefined)?.count === 2
  }, 'the repetition is counted')
  expect(await events()).toHaveLength(1)
  await cluster.delete(kinds.event, first?.metadata ?? { name: '' })
  now.milliseconds += 60_000
  record()
  await eventually(async () => (await events()).length === 1, 'the event is there again')
  await recorder.close()
  expect(warnings).toEqual([])
})

clusterTest(
  'of two electors one leads at a time, and the other takes over when it stops or dies',
  async () => {
    const space = await namespace('election')
    const timing = { durationSeconds: 3, renewDeadlineSeconds: 2, retrySeconds: 0.4 }
    let leading = 0
    let most = 0
    const terms: string[] = []
    const dead = new Set<string>()
    const elector = (identity: string) => {
      const mortal = new Proxy(cluster, {
        get(target, method: 'get' | 'create' | 'replace') {
          return (...parameters: [never, never, never]) =>
            dead.has(identity) ? Promise.reject(new Error('cut off')) : target[method](...parameters)
        },
      })
      return createLeaderElector({
        cluster: mortal,
        lease: { namespace: space, name: 'lock' },
        identity,
        timing,
        clock: systemClock,
        random,
        logger,
        async lead(signal) {
          leading += 1
          most = Math.max(most, leading)
          terms.push(identity)
          const { promise, resolve } = Promise.withResolvers<void>()
          signal.addEventListener('abort', () => resolve(), { once: true })
          await promise
          leading -= 1
        },
      })
    }
    const [one, two] = [elector('one'), elector('two')]
    one.start()
    await eventually(() => one.isLeader(), 'the first leads')
    two.start()
    await eventually(() => two.holder() === 'one', 'the second sees it')
    expect(two.isLeader()).toBe(false)
    dead.add('one')
    await eventually(() => two.isLeader(), 'the second takes over from one that is cut off', 10_000)
    expect(one.isLeader()).toBe(false)
    dead.delete('one')
    await eventually(() => one.holder() === 'two', 'the first asks again')
    const started = performance.now()
    await two.stop()
    await eventually(() => one.isLeader(), 'the first takes over what was given back')
    // Given back, not expired.
    expect(performance.now() - started).toBeLessThan(timing.durationSeconds * 1000)
    await one.stop()
    expect(terms).toEqual(['one', 'two', 'one'])
    expect(most).toBe(1)
    const lease = await cluster.get(kinds.lease, { namespace: space, name: 'lock' })
    expect(lease?.['spec']).toMatchObject({ leaseTransitions: 2 })
    expect(lease?.['spec']).not.toHaveProperty('holderIdentity')
  },
  60_000,
)

clusterTest(
  'an informer outlives a restart of the API server that forgot the past (410)',
  async () => {
    const space = await namespace('restarted')
    const informer = informerOf(space)
    informer.start()
    try {
      await informer.synced(AbortSignal.timeout(10_000))
      const { resourceVersion } = await cluster.list(kinds.configMap)
      await cluster.create(configMap('before', {}, space))
      await eventually(() => informer.get(`${space}/before`), 'seen before')
      await server.restart()
      await cluster.create(configMap('after', {}, space))
      await eventually(() => informer.get(`${space}/after`), 'seen after', 30_000)
      const signal = AbortSignal.timeout(10_000)
      const selection = { resourceVersion, timeoutSeconds: 5, inactivitySeconds: 10, signal }
      const old = cluster.watch(kinds.configMap, selection)[Symbol.asyncIterator]()
      const error = await old.next().catch((reason: unknown) => reason)
      expect(isExpired(error)).toBe(true)
    } finally {
      await informer.stop()
    }
  },
  120_000,
)
