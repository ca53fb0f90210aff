/** The whole server in a running state: configuration and its reload, sessions, logs, metrics, probes. Knows no process. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes, X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Admission } from './admission.ts'
import { Bans } from './bans/bans.ts'
import { commands } from './commands/index.ts'
import type { CertificateFiles, Configuration, Problem } from './config/configuration.ts'
import { type LoadResult, loadConfiguration } from './config/load.ts'
import { countUsers } from './config/probe-user.ts'
import type { Violation } from './config/validate.ts'
import { ConfigurationWatcher } from './config/watch.ts'
import { EventMaker } from './events/event-maker.ts'
import { Events } from './events/events.ts'
import { tellingTelemetry } from './events/telling.ts'
import { Listening } from './listening.ts'
import { FtpServer } from './server.ts'
import { createServing, type Serving, uploadClaims } from './serving.ts'
import { StalePartials } from './storage/local-stale.ts'
import { usageBelow } from './storage/local-usage.ts'
import { QuotaLedger } from './storage/quota-ledger.ts'
import { sumMetrics } from './telemetry/aggregate.ts'
import { createLog, type LogDestination } from './telemetry/logger.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { createProbes, type MetricsSource, type Readiness } from './telemetry/probes.ts'
import { createTelemetry } from './telemetry/recorder.ts'
import {
  type CertificateStatus,
  describeServer,
  describeSessions,
  describeStalled,
  type ServerStatus,
  type SessionStatus,
} from './telemetry/status.ts'
import { TransferLog } from './telemetry/xferlog.ts'
import { BandwidthLedger } from './workers/bandwidth-ledger.ts'
import { SharedLedger } from './workers/shared-state.ts'
import { WorkerPool } from './workers/worker-pool.ts'

export type ApplicationOptions = {
  readonly source: ConfigurationSource
  readonly output: LogDestination
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
  /** Whether the kernel sends files by itself where it can, which is the default. */
  readonly sendfile?: 'off' | undefined
  /** Starts the program as a worker, with an IPC channel and advanced serialization. */
  readonly startWorker: () => ChildProcess
  /** That the server may use. */
  readonly cores: number
  /** Of the runtime's pool. */
  readonly threads: number
}

/** A directory that is followed, or a configuration that stays, with where its settings come from. */
export type ConfigurationSource =
  | { readonly directory: string }
  | { readonly configuration: Configuration; readonly locate: (violation: Violation) => Problem }

/** There is no configuration to start with, or it names what can't be listened on. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map(({ file, path, message }) => `${file}${path === '' ? '' : `: ${path}`}: ${message}`).join('\n'))
    this.problems = problems
  }
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
  const loaded = 'directory' in source ? await loadConfiguration(source.directory, undefined) : undefined
  const initial = 'directory' in source ? loaded?.configuration : source.configuration
  if (initial === undefined) throw new ConfigurationError(loaded?.problems ?? [])
  const locate = 'directory' in source ? inServerFile : source.locate

  const log = createLog(initial.server.logging, output)
  const metrics = createMetrics({ version, runtime, verbs: commands.flatMap(({ verbs }) => verbs) })
  const transferLog = new TransferLog(output, initial.server)
  const recorder = createTelemetry({ logger: log.logger, metrics, transferLog })
  const events = new Events({ configuration: initial.server, telemetry: recorder })
  const eventMaker = new EventMaker({ outlet: events, configuration: initial.server })
  const telemetry = tellingTelemetry(recorder, eventMaker)
  const ledger = new SharedLedger()
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
    shared: ledger.holder(),
    quotas: quotasHere,
    offences: bans,
    sessionsInAll,
    who,
    bandwidthShares: bandwidth.holder(),
    portShare: () => workers.shareHere,
    onIdle: () => workers.noteIdleHere(),
  })
  const workers = new WorkerPool({
    startWorker,
    cores,
    ledger,
    quotas,
    bandwidth,
    offences: bans,
    events,
    sessionsInAll,
    who,
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
    createCertificate,
  })
  /** Of all processes together. */
  const wholeRegistry: MetricsSource = {
    contentType: metrics.registry.contentType,
    metrics: async () =>
      workers.isEmpty
        ? metrics.registry.metrics()
        : sumMetrics([...(await workers.metrics()), await metrics.registry.getMetricsAsJSON()]).metrics(),
  }
  const listening = new Listening({
    server,
    createProbes: ({ port, addresses }) =>
      createProbes({ port, addresses, registry: wholeRegistry, readiness: readinessNow, status, onFault }),
    onChange: () => {
      if (state === 'ready') telemetry.listeningChanged(problems())
    },
    onFault,
  })
  let stalePartials: StalePartials | undefined
  let problemsOfFiles = loaded?.problems ?? []
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
  } catch (error) {
    await listening.close()
    await server.close(0)
    await serving.close()
    await bans.close()
    await events.close(0)
    throw error
  }
  tellInForce(initial)
  stalePartials = removeStalePartials(initial)
  state = 'ready'
  if (loaded !== undefined && 'directory' in source) {
    watcher = new ConfigurationWatcher({
      directory: source.directory,
      initial: loaded,
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
      await server.close(server.configuration.server.limits.drainTimeoutSeconds * 1000)
      await watcher?.close()
      await reloading
      await listening.close()
      await stalePartials?.close()
      await serving.close()
      await bans.close()
      await events.close(eventGraceMilliseconds)
    },
  }

  function onFault(error: unknown): void {
    telemetry.fault(error)
  }

  function problems(): readonly Problem[] {
    return [...problemsOfFiles, ...listening.violations.map(locate)]
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
    tellInForce(configuration)
    if (isDeepStrictEqual(wantedOfPartials(configuration), wantedOfPartials(before))) return
    await stalePartials?.close()
    stalePartials = removeStalePartials(configuration)
  }

  function removeStalePartials(configuration: Configuration): StalePartials | undefined {
    const { mode, roots, expireSeconds } = wantedOfPartials(configuration)
    if (mode === 'direct') return undefined
    const claims = uploadClaims(ledger.holder())
    const onEach = (where: string, path: string, bytes: number): void => {
      if (where === root) quotasHere.change({ path, bytes: -bytes, files: -1 })
    }
    const onRemoved = (count: number): void => telemetry.stalePartialsRemoved(count)
    return new StalePartials({
      roots,
      expireSeconds,
      pauseSeconds: pauseOf(expireSeconds),
      claims,
      volumes: serving.volumes,
      onEach,
      onRemoved,
      onFault,
    })
  }

  function tellInForce(configuration: Configuration): void {
    telemetry.reloaded(configuration.hash, countUsers(configuration), problems())
    const certificate = certificateStatus()
    if (certificate !== undefined) telemetry.certificateExpires(Date.parse(certificate.expires))
  }

  async function who(): Promise<readonly SessionStatus[]> {
    return [...describeSessions(serving.sessions.described()), ...(await workers.described()).sessions]
  }

  async function status(): Promise<ServerStatus> {
    const { sessions: sessionsOfWorkers, stalledVolumes } = await workers.described()
    return describeServer({
      version,
      configuration: server.configuration,
      loadedAt,
      problems: problems(),
      sessions: serving.sessions.described(),
      sessionCount: server.sessionCount,
      workers: { status: workers.status, sessions: sessionsOfWorkers },
      bans: { inForce: bans.inForce(), count: bans.size },
      stalledVolumes: [...describeStalled(serving.gates.stalled), ...stalledVolumes],
      certificate: certificateStatus(),
    })
  }

  function readinessNow(): Readiness {
    return state === 'ready' && !server.isServing ? { ready: false, reason: 'no worker' } : readiness[state]
  }

  function certificateStatus(): CertificateStatus | undefined {
    return server.certificate && describeCertificate(server.certificate)
  }
}

/** Time for sinks to take the last events; what they don't take waits on the disk. */
const eventGraceMilliseconds = 5000

const readiness = {
  starting: { ready: false, reason: 'starting' },
  ready: { ready: true, reason: 'ready' },
  draining: { ready: false, reason: 'draining' },
} as const satisfies Record<string, Readiness>

function wantedOfPartials({ server: { root, storage, uploads, folders } }: Configuration) {
  const { mode, partialsExpireSeconds: expireSeconds } = uploads
  return {
    mode,
    expireSeconds,
    roots: [
      resolve(root),
      ...new Set([...storage.symlinks.extraRoots, ...folders.flatMap(each => each.directory ?? [])]),
    ],
  }
}

/** A walk through all files is not to be repeated too often, nor is what was stale to stay long. */
function pauseOf(expireSeconds: number): number {
  return Math.min(3600, Math.max(60, expireSeconds / 4))
}

function inServerFile(violation: Violation): Problem {
  return { file: 'server.yaml', ...violation }
}

function describeCertificate({ certificate }: CertificateFiles): CertificateStatus {
  const { validToDate, fingerprint256, subject, issuer } = new X509Certificate(certificate)
  return { expires: validToDate.toISOString(), selfSigned: subject === issuer, fingerprint: fingerprint256 }
}

async function createCertificate(): Promise<CertificateFiles> {
  // Most servers are given a certificate: they start without the library that makes one.
  const { createSelfSignedCertificate } = await import('./tls/self-signed.ts')
  const name = hostname()
  const options = { commonName: name, dnsNames: [name, 'localhost'], addresses: ['127.0.0.1', '::1'] }
  return {
    ...(await createSelfSignedCertificate({ ...options, validDays: 825, now: Date.now() })),
    authority: undefined,
  }
}
