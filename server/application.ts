/** The whole server in a running state: configuration and its reload, sessions, logs, metrics, probes. Knows no process. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { Bans } from './bans/bans.ts'
import { commands } from './commands/index.ts'
import type { Configuration, Problem } from './config/configuration.ts'
import type { LoadResult } from './config/load.ts'
import { countUsers } from './config/probe-user.ts'
import { ConfigurationWatcher } from './config/watch.ts'
import { ConfigurationError, type ConfigurationSource, readInitial } from './configuration-source.ts'
import { EventMaker } from './events/event-maker.ts'
import { Events } from './events/events.ts'
import { tellingTelemetry } from './events/telling.ts'
import { Listening } from './listening/listening.ts'
import { Overview } from './overview.ts'
import { Relaying } from './relay/relaying.ts'
import { FtpServer } from './server.ts'
import { Admission } from './sessions/admission.ts'
import { createServing, type Serving, uploadClaims } from './sessions/serving.ts'
import { removeHome } from './storage/local/remove-home.ts'
import { usageBelow } from './storage/local/usage.ts'
import { QuotaLedger } from './storage/quota/quota-ledger.ts'
import { createLog, type LogDestination } from './telemetry/logger.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { createProbes, type Readiness } from './telemetry/probes.ts'
import { createTelemetry } from './telemetry/recorder.ts'
import { withoutProbes } from './telemetry/without-probes.ts'
import { TransferLog } from './telemetry/xferlog.ts'
import { createFallbackCertificate } from './tls/fallback-certificate.ts'
import { HomeRemovals } from './upkeep/home-removals.ts'
import { PartialRemovals } from './upkeep/partial-removals.ts'
import { BandwidthLedger } from './workers/bandwidth-ledger.ts'
import { SharedLedger } from './workers/shared-state.ts'
import { UploadSharing } from './workers/upload-sharing.ts'
import type { WorkerDescriptors } from './workers/worker-descriptors.ts'
import { WorkerPool } from './workers/worker-pool.ts'

export type ApplicationOptions = {
  readonly source: ConfigurationSource
  readonly output: LogDestination
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
  /** Whether the kernel sends files by itself where it can, which is the default. */
  readonly sendfile?: 'off' | undefined
  /** Starts the program as a worker, with an IPC channel and advanced serialization, and with these descriptors. */
  readonly startWorker: (descriptors: WorkerDescriptors) => ChildProcess
  /** That the server may use. */
  readonly cores: number
  /** Of the runtime's pool. */
  readonly threads: number
}

export interface Application {
  readonly server: FtpServer
  /** The port of the probes, if they are enabled. */
  probesPort(): number | undefined
  /** Not ready at once, no new sessions, transfers finish within the configured time; then everything is closed. */
  stop(): Promise<void>
}

/** Starts the server. Rejects with a ConfigurationError; nothing is open then. */
export async function startApplication({
  source,
  output,
  version,
  runtime,
  sendfile,
  startWorker,
  cores,
  threads,
}: ApplicationOptions): Promise<Application> {
  const { configuration: initial, files, locate } = await readInitial(source)

  const log = createLog(initial.server.logging, output)
  const metrics = createMetrics({ version, runtime, verbs: commands.flatMap(({ verbs }) => verbs) })
  const transferLog = new TransferLog(output, initial.server)
  const recorder = createTelemetry({ logger: log.logger, metrics, transferLog })
  const events = new Events({ configuration: initial.server, telemetry: recorder })
  const eventMaker = new EventMaker({ outlet: events, configuration: initial.server })
  const telemetry = withoutProbes(tellingTelemetry(recorder, eventMaker))
  const ledger = new SharedLedger()
  const uploads = new UploadSharing(ledger)
  let root = resolve(initial.server.root)
  const quotas = new QuotaLedger({ usageOf: directory => usageBelow(root, directory, serving.volumes) })
  const quotasHere = quotas.holder()
  const bandwidth = new BandwidthLedger()
  const admission = new Admission()
  const sessionsInAll = (): number => admission.sessions
  const bans = new Bans({
    configuration: initial.server,
    telemetry,
    instance: randomBytes(6).toString('hex'),
    onBegun: client => {
      serving.sessions.endStrangers(client)
      workers.endStrangers(client)
    },
  })
  const serving: Serving = createServing({
    inForce: { configuration: initial, fallbackCertificate: undefined },
    telemetry,
    logger: log.logger,
    sendfile,
    threads,
    shared: uploads.holder(),
    quotas: quotasHere,
    offences: bans,
    sessionsInAll,
    who: () => overview.who(),
    bandwidthShares: bandwidth.holder(),
    portShare: () => workers.shareHere,
    onIdle: () => workers.noteIdleHere(),
  })
  const workers = new WorkerPool({
    startWorker: sockets => startWorker({ lockFiles: uploads.lockFiles, sockets }),
    cores,
    ledger,
    quotas,
    bandwidth,
    offences: bans,
    events,
    sessionsInAll,
    isRoomy: address => admission.isRoomy(address, server.configuration.server.limits),
    who: () => overview.who(),
    sessionsHere: () => serving.sessions.sessionCount,
    onShare: () => serving.sessions.followPorts(),
    telemetry,
  })
  const server = new FtpServer({
    configuration: initial,
    telemetry,
    admission,
    bans,
    sessions: serving.sessions,
    workers,
    createCertificate: createFallbackCertificate,
  })
  const listening = new Listening({
    server,
    createProbes: ({ port, addresses }) =>
      createProbes({
        port,
        addresses,
        registry: overview.metrics,
        readiness: readinessNow,
        status: () => overview.status(),
        onFault,
      }),
    onChange: () => onListeningChange(),
    onFault,
  })
  const onListeningChange = (): void => {
    if (state === 'ready') telemetry.listeningChanged(problems())
  }
  const relaying = new Relaying({
    configuration: initial,
    telemetry,
    take: async (port, first, address) => {
      const taken = serving.sessions.takeRelayed(port, first, address)
      return taken === 'taken' || (await workers.takeRelayed(port, first, address)) === 'taken'
    },
    onChange: onListeningChange,
    onFault,
  })
  const sessionsOfAll = ledger.holder()
  const homeRemovals = new HomeRemovals({
    telemetry,
    isLoggedIn: user => sessionsOfAll.isClaimed('session-of-user', user),
    remove: (directory, watch, configuration) =>
      removeHome({
        ...watch,
        root: resolve(configuration.server.root),
        directory,
        isAtomic: configuration.server.uploads.mode === 'atomic',
        claims: uploadClaims(uploads.holder()),
        volumes: serving.volumes,
        filesPerSecond: homeFilesPerSecond,
        onRemoved: (path, bytes) => quotasHere.change({ path, bytes: -bytes, files: -1 }),
      }),
  })
  const partialRemovals = new PartialRemovals({
    claims: uploadClaims(uploads.holder()),
    volumes: serving.volumes,
    telemetry,
    onEach: (where, path, bytes) => {
      if (where === root) quotasHere.change({ path, bytes: -bytes, files: -1 })
    },
  })
  const overview = new Overview({
    version,
    server,
    serving,
    workers,
    bans,
    homeRemovals,
    registry: metrics.registry,
    problems,
    loadedAt: () => loadedAt,
  })
  let problemsOfFiles = files?.loaded.problems ?? []
  let loadedAt = Date.now()
  let state: keyof typeof readiness = 'starting'
  let watcher: ConfigurationWatcher | undefined
  /** Reloads happen one after the other. */
  let reloading: Promise<void> = Promise.resolve()

  try {
    // Who is banned must not get in first.
    await bans.open()
    await events.open()
    // Sessions begin where they are to be.
    await server.apply(initial)
    await listening.follow()
    if (listening.violations.length > 0) throw new ConfigurationError(listening.violations.map(locate))
    await relaying.follow(initial)
  } catch (error) {
    await listening.close()
    relaying.close()
    await server.close(0)
    await serving.close()
    uploads.close()
    await bans.close()
    await events.close(0)
    throw error
  }
  tellInForce(initial)
  await partialRemovals.follow(initial)
  homeRemovals.follow(initial)
  state = 'ready'
  if (files !== undefined) {
    watcher = new ConfigurationWatcher({
      directory: files.directory,
      initial: files.loaded,
      onChange: result => {
        reloading = reloading.then(() => reload(result)).catch(onFault)
      },
      onFault,
    })
  }

  return {
    server,
    probesPort: () => listening.probesPort,
    async stop() {
      state = 'draining'
      // Who drains still follows its files: a user who is removed meanwhile has to go.
      const graceMilliseconds = server.configuration.server.limits.drainTimeoutSeconds * 1000
      await Promise.all([server.close(graceMilliseconds), relaying.idle(graceMilliseconds)])
      relaying.close()
      await watcher?.close()
      await reloading
      await listening.close()
      await partialRemovals.close()
      await homeRemovals.close()
      await serving.close()
      uploads.close()
      await bans.close()
      await events.close(eventGraceMilliseconds)
    },
  }

  function onFault(error: unknown): void {
    telemetry.fault(error)
  }

  function problems(): readonly Problem[] {
    return [...problemsOfFiles, ...[...listening.violations, ...relaying.violations].map(locate)]
  }

  async function reload(result: LoadResult): Promise<void> {
    problemsOfFiles = result.problems
    const { configuration } = result
    if (configuration === undefined) return telemetry.reloadFailed(problems())
    const before = server.configuration
    if (configuration.hash === before.hash && problemsOfFiles.length > 0) return telemetry.reloadFailed(problems())
    loadedAt = Date.now()
    log.configure(configuration.server.logging)
    transferLog.configure(configuration.server)
    if (resolve(configuration.server.root) !== root) quotas.clear()
    root = resolve(configuration.server.root)
    await server.apply(configuration)
    bans.follow(configuration.server)
    events.follow(configuration.server)
    eventMaker.follow(configuration.server)
    await listening.follow()
    await relaying.follow(configuration)
    homeRemovals.follow(configuration)
    tellInForce(configuration)
    await partialRemovals.follow(configuration)
  }

  function tellInForce(configuration: Configuration): void {
    telemetry.reloaded(configuration.hash, countUsers(configuration), problems())
    const { certificate } = overview
    if (certificate !== undefined) telemetry.certificateExpires(Date.parse(certificate.expires))
  }

  function readinessNow(): Readiness {
    return state === 'ready' && !server.isServing ? { ready: false, reason: 'no worker' } : readiness[state]
  }
}

/** Users of the same volume must not notice. */
const homeFilesPerSecond = 2000

/** Time for sinks to take the last events; what they don't take waits on the disk. */
const eventGraceMilliseconds = 5000

const readiness = {
  starting: { ready: false, reason: 'starting' },
  ready: { ready: true, reason: 'ready' },
  draining: { ready: false, reason: 'draining' },
} as const satisfies Record<string, Readiness>
