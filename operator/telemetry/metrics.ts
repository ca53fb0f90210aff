/** What Prometheus sees, under the names that controller-runtime and client-go use: dashboards for those fit. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ControllerMetrics } from '../controller/controller.ts'
import type { ReflectorMetrics } from '../controller/reflector.ts'
import type { WorkQueueMetrics } from '../controller/work-queue.ts'
import type { ApiAttempt } from '../kubernetes/transport.ts'

export interface OperatorMetrics {
  readonly registry: Registry
  onAttempt(attempt: ApiAttempt): void
  controller(name: string, workers: number): ControllerMetrics
  /** `resource` as the plural of the kind. */
  reflector(resource: string): ReflectorMetrics
  leader(lease: string): (leads: boolean) => void
}

/** A registry of its own, so that two operators in one process count apart. */
export function createOperatorMetrics(build: { readonly version: string; readonly runtime: string }): OperatorMetrics {
  const registry = new Registry()
  // How late the event loop is, is looked at ten times a second: a hundred times, as by default, takes most of what a process at rest takes.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = <Label extends string>(name: string, help: string, buckets: number[], ...labelNames: Label[]) =>
    new Histogram({ name, help, buckets, labelNames, registers })

  gauge('ftp_operator_build_info', 'Version of the operator and of Node; always 1.', 'version', 'node').set(
    { version: build.version, node: build.runtime },
    1,
  )
  const requests = counter('rest_client_requests_total', 'Requests to the API server.', 'code', 'method', 'host')
  const leader = gauge('leader_election_master_status', 'Whether this process leads: 1 or 0.', 'name')
  const lists = counter('reflector_lists_total', 'Lists that caches were filled from.', 'resource')
  const watches = counter('reflector_watches_total', 'Watches that were begun.', 'resource')
  const failures = counter('reflector_failures_total', 'Lists and watches that failed and were begun anew.', 'resource')

  const reconciles = counter(
    'controller_runtime_reconcile_total',
    'Reconciliations that ended.',
    'controller',
    'result',
  )
  const errors = counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed.', 'controller')
  const terminal = counter(
    'controller_runtime_terminal_reconcile_errors_total',
    'Reconciliations that failed and are not tried again.',
    'controller',
  )
  const panics = counter(
    'controller_runtime_reconcile_panics_total',
    'Reconciliations that met a defect.',
    'controller',
  )
  const durations = histogram(
    'controller_runtime_reconcile_time_seconds',
    'Duration of reconciliations.',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    'controller',
  )
  const active = gauge('controller_runtime_active_workers', 'Reconciliations that run.', 'controller')
  const most = gauge('controller_runtime_max_concurrent_reconciles', 'Reconciliations that may run.', 'controller')

  const queueLabels = ['name', 'controller'] as const
  const depth = gauge('workqueue_depth', 'Keys that wait.', ...queueLabels)
  const adds = counter('workqueue_adds_total', 'Keys that were added.', ...queueLabels)
  const retries = counter('workqueue_retries_total', 'Keys that were added because of a failure.', ...queueLabels)
  const waited = histogram('workqueue_queue_duration_seconds', 'How long keys waited.', queueBuckets, ...queueLabels)
  const worked = histogram(
    'workqueue_work_duration_seconds',
    'How long keys were worked on.',
    queueBuckets,
    ...queueLabels,
  )
  const collectors = new Map<string, () => void>()
  const unfinished = new Gauge({
    name: 'workqueue_unfinished_work_seconds',
    help: 'Sum of how long the running work has taken so far.',
    labelNames: queueLabels,
    registers,
    collect: () => {
      for (const collect of collectors.values()) collect()
    },
  })
  const longest = gauge(
    'workqueue_longest_running_processor_seconds',
    'How long the longest running work has taken so far.',
    ...queueLabels,
  )

  function queue(name: string): WorkQueueMetrics {
    const labels = { name, controller: name }
    depth.set(labels, 0)
    for (const each of [adds, retries]) each.inc(labels, 0)
    return {
      added: () => adds.inc(labels),
      retried: () => retries.inc(labels),
      depth: waiting => depth.set(labels, waiting),
      started: seconds => waited.observe(labels, seconds),
      finished: seconds => worked.observe(labels, seconds),
    }
  }

  return {
    registry,
    onAttempt: ({ method, host, code }) => requests.inc({ method, host, code }),
    controller(name, workers) {
      const labels = { controller: name }
      for (const result of Object.values(results)) reconciles.inc({ ...labels, result }, 0)
      for (const each of [errors, terminal, panics]) each.inc(labels, 0)
      most.set(labels, workers)
      active.set(labels, 0)
      return {
        queue: queue(name),
        started: () => active.inc(labels),
        finished(outcome, seconds) {
          active.dec(labels)
          durations.observe(labels, seconds)
          const result = results[outcome]
          reconciles.inc({ ...labels, result })
          if (result === 'error') errors.inc(labels)
          if (outcome === 'terminal-error') terminal.inc(labels)
          if (outcome === 'panic') panics.inc(labels)
        },
        observe(running) {
          const queueName = { name, controller: name }
          const collect = () => {
            const { started, now } = running()
            const seconds = started.map(since => (now - since) / 1000)
            unfinished.set(
              queueName,
              seconds.reduce((sum, each) => sum + each, 0),
            )
            longest.set(queueName, Math.max(0, ...seconds))
          }
          collectors.set(name, collect)
        },
      }
    },
    reflector: resource => ({
      listed: () => lists.inc({ resource }),
      watched: () => watches.inc({ resource }),
      failed: () => failures.inc({ resource }),
    }),
    leader(name) {
      leader.set({ name }, 0)
      return leads => leader.set({ name }, leads ? 1 : 0)
    },
  }
}

const queueBuckets = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]
const results = {
  success: 'success',
  'requeue-after': 'requeue_after',
  error: 'error',
  'terminal-error': 'error',
  panic: 'error',
} as const
