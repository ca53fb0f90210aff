import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { ApiError } from '../kubernetes/api-error.ts'
import type { Cluster } from '../kubernetes/cluster.ts'
import { kinds } from '../kubernetes/kinds.ts'
import type { KubernetesObject } from '../kubernetes/object.ts'
import type { WatchEvent } from '../kubernetes/watch-events.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createOperatorMetrics } from '../telemetry/metrics.ts'
import { createController, type Reconcile, TerminalError } from './controller.ts'
import { createInformer } from './informer.ts'

function configMap(name: string, resourceVersion: string, owner?: string): KubernetesObject {
  const ownerReferences = owner === undefined ? [] : [{ apiVersion: 'v1', kind: 'Owner', name: owner, uid: owner }]
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'x', uid: name, resourceVersion, ownerReferences },
  }
}

/** A cluster that has these objects, and whose watch the test feeds. */
function clusterOf(items: readonly KubernetesObject[]) {
  const events: WatchEvent[] = []
  let wake = () => {}
  const cluster: Pick<Cluster, 'list' | 'watch'> = {
    list: async () => ({ items, resourceVersion: '1' }),
    async *watch(_kind, { signal }) {
      signal.addEventListener('abort', () => wake(), { once: true })
      while (!signal.aborted) {
        for (let event = events.shift(); event !== undefined; event = events.shift()) yield event
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
    },
  }
  return {
    cluster,
    send: async (...sent: WatchEvent[]) => {
      events.push(...sent)
      await setImmediate()
      wake()
      await setImmediate()
    },
  }
}

async function setUp(reconcile: Reconcile, items: readonly KubernetesObject[] = [configMap('a', '1')]) {
  const clock = fakeClock()
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', { write: line => lines.push(JSON.parse(line)) })
  const metrics = createOperatorMetrics({ version: '1', runtime: 'v26' })
  const { cluster, send } = clusterOf(items)
  const informer = createInformer({ cluster, kind: kinds.configMap, clock, random: () => 0, logger })
  const controller = createController({
    name: 'thing',
    reconcile,
    sources: [
      {
        informer,
        keys: ({ before, after }) =>
          [before, after].flatMap(object => {
            const owners = object?.metadata.ownerReferences ?? []
            return owners.length > 0 ? owners.map(({ name }) => `x/${name}`) : (object?.metadata.name ?? [])
          }),
      },
    ],
    workers: 2,
    clock,
    random: () => 0,
    logger,
    metrics: metrics.controller('thing', 2),
  })
  informer.start()
  await controller.start()
  await setImmediate()
  return { clock, lines, controller, informer, send, scrape: () => metrics.registry.metrics() }
}

test('all that is there is reconciled at the start, then what changes, deletions too', async () => {
  const keys: string[] = []
  const { send, controller, informer } = await setUp(async key => {
    keys.push(key)
    return undefined
  })
  expect(keys).toEqual(['a'])
  await send({ type: 'added', object: configMap('b', '2', 'boss') })
  await send({ type: 'deleted', object: configMap('a', '3') })
  expect(keys).toEqual(['a', 'x/boss', 'a'])
  await send({ type: 'modified', object: configMap('b', '4', 'heir') })
  expect(keys.slice(3)).toEqual(['x/boss', 'x/heir'])
  await controller.stop({ graceSeconds: 1 })
  await send({ type: 'modified', object: configMap('b', '5', 'heir') })
  expect(keys).toHaveLength(5)
  await informer.stop()
})

test('a result may ask for another time', async () => {
  let count = 0
  const { clock, scrape } = await setUp(async () => {
    count += 1
    return { requeueAfterSeconds: 30 }
  })
  await clock.advance(29_999)
  expect(count).toBe(1)
  await clock.advance(1)
  expect(count).toBe(2)
  expect(await scrape()).toContain('controller_runtime_reconcile_total{controller="thing",result="requeue_after"} 2')
})

test('what fails is logged and tried again, ever later, until it succeeds', async () => {
  let count = 0
  const { clock, lines, scrape } = await setUp(async () => {
    count += 1
    if (count < 4) throw new Error(`failure ${count}`)
    return undefined
  })
  await clock.advance(60_000)
  expect(count).toBe(4)
  expect(lines.filter(({ msg }) => msg === 'reconciling failed')).toMatchObject([
    { level: 'warn', key: 'a', failures: 1, controller: 'thing', err: { message: 'failure 1' } },
    { failures: 2 },
    { failures: 3 },
  ])
  const metrics = await scrape()
  expect(metrics).toContain('controller_runtime_reconcile_errors_total{controller="thing"} 3')
  expect(metrics).toContain('controller_runtime_reconcile_total{controller="thing",result="success"} 1')
  expect(metrics).toContain('workqueue_retries_total{name="thing",controller="thing"} 3')
  expect(metrics).toContain('workqueue_adds_total{name="thing",controller="thing"} 4')
  expect(metrics).toContain('workqueue_depth{name="thing",controller="thing"} 0')
  expect(metrics).toContain('controller_runtime_active_workers{controller="thing"} 0')
})

test('a terminal error is not tried again, but a change is', async () => {
  let count = 0
  const { clock, send, lines, scrape } = await setUp(async () => {
    count += 1
    throw new TerminalError('the image has no name')
  })
  await clock.advance(3_600_000)
  expect(count).toBe(1)
  await send({ type: 'modified', object: configMap('a', '2') })
  expect(count).toBe(2)
  expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2)
  expect(await scrape()).toContain('controller_runtime_terminal_reconcile_errors_total{controller="thing"} 2')
})

test('a defect is told as such and tried again; a conflict is no news', async () => {
  const errors: Error[] = [
    new TypeError('x is not a function'),
    new ApiError({ status: 409, reason: 'Conflict', message: 'changed', causes: [], retryAfterSeconds: undefined }),
  ]
  const { clock, lines, scrape } = await setUp(async () => {
    const error = errors.shift()
    if (error !== undefined) throw error
    return undefined
  })
  await clock.advance(1000)
  expect(lines).toMatchObject([
    { level: 'info', msg: 'controller started' },
    { level: 'error', msg: 'reconciling met a defect' },
    { level: 'info', msg: 'reconciling failed' },
  ])
  expect(await scrape()).toContain('controller_runtime_reconcile_panics_total{controller="thing"} 1')
})

test('a reconcile that takes too long is aborted, and tried again', async () => {
  const reasons: string[] = []
  const { clock, scrape } = await setUp(async (_key, signal) => {
    if (reasons.length > 0) return undefined
    const { promise, reject } = Promise.withResolvers<undefined>()
    signal.addEventListener('abort', () => {
      reasons.push(String(signal.reason))
      reject(signal.reason)
    })
    return promise
  })
  await clock.advance(60_000)
  expect(await scrape()).toContain('workqueue_longest_running_processor_seconds{name="thing",controller="thing"} 60')
  await clock.advance(120_000)
  expect(reasons).toEqual(['Error: not reconciled within 120 s'])
  expect(await scrape()).toContain('controller_runtime_reconcile_total{controller="thing",result="success"} 1')
})

test('stopping lets running work end within the grace, and aborts it then', async () => {
  let reason: unknown
  const { clock, controller } = await setUp(async (_key, signal) => {
    const { promise, reject } = Promise.withResolvers<undefined>()
    signal.addEventListener('abort', () => {
      reason = signal.reason
      reject(signal.reason)
    })
    return promise
  })
  const stopped = controller.stop({ graceSeconds: 20 })
  await clock.advance(19_000)
  expect(reason).toBeUndefined()
  await clock.advance(1000)
  await stopped
  expect(reason).toEqual(new Error('the controller stops'))
})
