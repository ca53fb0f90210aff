/** The operator in a running state: caches, election, controller, probes. Knows no process. */
import { randomBytes } from 'node:crypto'
import type { KubeConfig } from '@kubernetes/client-node'
import { resourceKind } from './api/ftp-server.ts'
import { type Controller, createController, type Reconcile, type Source } from './controller/controller.ts'
import { createLeaderElector } from './controller/leader.ts'
import { fieldManager } from './desired/names.ts'
import { appliedKinds, createReconciler } from './ftp-server/reconciler.ts'
import { createUserReconciler } from './ftp-user/reconciler.ts'
import { createCluster } from './kubernetes/cluster.ts'
import { createCredentials } from './kubernetes/credentials.ts'
import { createEventRecorder } from './kubernetes/events.ts'
import { createTransport } from './kubernetes/transport.ts'
import { ClusterView } from './observation/cluster-view.ts'
import { Observer } from './observation/observer.ts'
import { createSnapshotSight } from './observation/snapshot-sight.ts'
import { createPassiveProbes } from './passive-probe/probes.ts'
import type { Settings } from './settings.ts'
import { createLogger } from './telemetry/logger.ts'
import { createOperatorMetrics } from './telemetry/metrics.ts'
import { startProbes } from './telemetry/probes.ts'
import { systemClock } from './time/clock.ts'
import { createBindings } from './users/bindings.ts'

export type OperatorOptions = {
  readonly settings: Settings
  readonly kubeConfig: KubeConfig
  readonly output: { write(line: string): unknown }
  /** Name of this process for others: the pod's. */
  readonly instance: string
  /** Where it runs; undefined if that is not in the cluster. */
  readonly namespace: string | undefined
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
}

export interface Operator {
  readonly probesPort: number
  /** Whether this process reconciles now. */
  isLeading(): boolean
  /** Lets running reconciles end, gives the lease back and closes everything. */
  stop(): Promise<void>
}

const graceSeconds = 10

/** Rejects if the probes' port can't be listened on. The API server may be unreachable: then it waits for it. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { settings, version, runtime, instance, namespace } = options
  const clock = systemClock
  const random = Math.random
  const logger = createLogger(settings.logLevel, options.output)
  const metrics = createOperatorMetrics({ version, runtime })
  const transport = createTransport({
    credentials: createCredentials(options.kubeConfig, clock),
    clock,
    random,
    userAgent: `ftp-operator/${version}`,
    onAttempt: attempt => metrics.onAttempt(attempt),
  })
  const unfenced = createCluster({ transport, clock, kinds: appliedKinds })
  // Whoever lost the lease a moment ago must not write any more, whatever is under way.
  const cluster = createCluster({ transport, clock, kinds: appliedKinds, beforeWrite: expectToLead })
  const view = new ClusterView({ cluster: unfenced, namespaces: settings.namespaces, clock, random, logger, metrics })
  const events = createEventRecorder({
    cluster,
    controller: `${resourceKind.group}/controller`,
    instance,
    clock,
    logger,
  })
  const observer = new Observer({
    cluster,
    view,
    snapshots: createSnapshotSight({ cluster, clock }),
    clock,
    operator: {
      defaultImage: settings.serverImage,
      namespace,
      clusterDomain: 'cluster.local',
      clusterNetworks: settings.clusterNetworks,
    },
  })
  let leadsAlone = false
  const elector = createLeaderElector({
    cluster: unfenced,
    lease: { namespace: settings.leaderElectionNamespace, name: settings.leaderElectionId },
    identity: `${instance}_${randomBytes(4).toString('hex')}`,
    lead,
    onChange: metrics.leader(settings.leaderElectionId),
    clock,
    random,
    logger,
  })
  const probes = await startProbes({
    port: settings.probesPort,
    host: '::',
    registry: metrics.registry,
    unready: () => (view.hasSynced ? [] : ['the caches are not in sync yet']),
    onFault: error => logger.error({ err: error }, 'the probes failed'),
  })
  const alone = new AbortController()
  view.start()
  if (settings.leaderElection) elector.start()
  const leadingAlone = settings.leaderElection ? Promise.resolve() : leadAlone()
  logger.info(
    { version, namespaces: settings.namespaces ?? 'all', image: settings.serverImage },
    `${fieldManager} started`,
  )

  return {
    probesPort: probes.port,
    isLeading: () => leadsAlone || elector.isLeader(),
    async stop() {
      alone.abort(new Error('the operator stops'))
      await leadingAlone
      await elector.stop()
      await events.close()
      await view.stop()
      await probes.close()
      await transport.close()
      logger.info('stopped')
    },
  }

  function expectToLead(): void {
    if (!leadsAlone && !elector.isLeader()) throw new Error('this process does not lead')
  }

  async function leadAlone(): Promise<void> {
    leadsAlone = true
    await lead(alone.signal).catch((error: unknown) => {
      if (!alone.signal.aborted) logger.error({ err: error }, 'the controller failed')
    })
    leadsAlone = false
  }

  /** Controllers for each term; the caches outlive them. */
  async function lead(signal: AbortSignal): Promise<void> {
    const bindings = createBindings(user => users.enqueue(user))
    const passiveProbes = createPassiveProbes({ onEnd: server => servers.enqueue(server), clock, random, logger })
    const servers = controllerOf(
      'ftpserver',
      createReconciler({ cluster, view, observer, bindings, probes: passiveProbes, events, clock, logger }),
      view.sources,
    )
    const users = controllerOf(
      'ftpuser',
      createUserReconciler({ cluster, view, bindings, events, clock, logger, randomBytes }),
      view.userSources,
    )
    try {
      await Promise.all([servers.start(signal), users.start(signal)])
      await aborted(signal)
    } finally {
      await passiveProbes.close()
      await Promise.all([servers.stop({ graceSeconds }), users.stop({ graceSeconds })])
    }
  }

  function controllerOf(name: string, reconcile: Reconcile, sources: readonly Source[]): Controller {
    const { workers } = settings
    const controllerMetrics = metrics.controller(name, workers)
    return createController({ name, reconcile, sources, workers, clock, random, logger, metrics: controllerMetrics })
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
