/** Health and metrics over HTTP. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOperatorMetrics } from '../../operator/telemetry/metrics.ts'
import { type Probes, startProbes } from '../../operator/telemetry/probes.ts'

let probes: Probes
let unready: string[]
let faults: unknown[]
const metrics = createOperatorMetrics({ version: '1.2.3', runtime: 'v26' })

beforeEach(async () => {
  unready = []
  faults = []
  probes = await startProbes({
    port: 0,
    host: '127.0.0.1',
    registry: metrics.registry,
    unready: () => unready,
    onFault: error => faults.push(error),
  })
})
afterEach(() => probes.close())

const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${probes.port}${path}`, { method })

test('alive is whoever answers', async () => {
  const response = await get('/livez')
  expect([response.status, await response.text()]).toEqual([200, 'ok\n'])
})

test('ready is who lacks nothing, and who is not says what is missing', async () => {
  expect((await get('/readyz?verbose')).status).toBe(200)
  unready.push('the cache of pods is not in sync', 'no election yet')
  const response = await get('/readyz')
  expect(response.status).toBe(503)
  expect(await response.text()).toBe('the cache of pods is not in sync\nno election yet\n')
})

test('metrics have the names of controller-runtime and client-go', async () => {
  metrics.controller('ftpserver', 4)
  metrics.leader('operator')(true)
  metrics.onAttempt({ method: 'GET', host: 'api:443', code: '200' })
  metrics.reflector('pods').listed()
  const text = await (await get('/metrics')).text()
  for (const line of [
    'ftp_operator_build_info{version="1.2.3",node="v26"} 1',
    'leader_election_master_status{name="operator"} 1',
    'rest_client_requests_total{method="GET",host="api:443",code="200"} 1',
    'workqueue_depth{name="ftpserver",controller="ftpserver"} 0',
    'controller_runtime_reconcile_total{controller="ftpserver",result="error"} 0',
    'controller_runtime_max_concurrent_reconciles{controller="ftpserver"} 4',
    'reflector_lists_total{resource="pods"} 1',
  ]) {
    expect(text).toContain(line)
  }
  const families = [...text.matchAll(/^# TYPE ((?:controller_runtime|workqueue)_\w+)/gm)].map(([, name]) =>
    String(name),
  )
  expect(families.toSorted((one, other) => one.localeCompare(other))).toEqual([
    'controller_runtime_active_workers',
    'controller_runtime_max_concurrent_reconciles',
    'controller_runtime_reconcile_errors_total',
    'controller_runtime_reconcile_panics_total',
    'controller_runtime_reconcile_time_seconds',
    'controller_runtime_reconcile_total',
    'controller_runtime_terminal_reconcile_errors_total',
    'workqueue_adds_total',
    'workqueue_depth',
    'workqueue_longest_running_processor_seconds',
    'workqueue_queue_duration_seconds',
    'workqueue_retries_total',
    'workqueue_unfinished_work_seconds',
    'workqueue_work_duration_seconds',
  ])
})

test('nothing else is there, and nothing can be changed', async () => {
  expect((await get('/')).status).toBe(404)
  expect((await get('/metrics', 'POST')).status).toBe(405)
  const head = await get('/metrics', 'HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect(faults).toEqual([])
})

test('a port that is taken is an error', async () => {
  const { registry } = metrics
  const options = { port: probes.port, host: '127.0.0.1', registry, unready: () => [], onFault: () => {} }
  await expect(startProbes(options)).rejects.toThrow('EADDRINUSE')
})
