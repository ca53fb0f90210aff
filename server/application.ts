/** The whole server in a running state: configuration and its reload, sessions, logs, metrics, probes. Knows no process. */
import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { createAuthenticator } from './auth/authenticator.ts'
import { createPasswordVerifier } from './auth/password.ts'
import { commands } from './commands/index.ts'
import type { CertificateFiles, Configuration, Problem } from './config/configuration.ts'
import { type LoadResult, loadConfiguration } from './config/load.ts'
import type { Violation } from './config/validate.ts'
import { ConfigurationWatcher } from './config/watch.ts'
import { Listening } from './listening.ts'
import { FtpServer } from './server.ts'
import { mayLead } from './storage/guarded.ts'
import { openLocalStorage, type RunningUploads } from './storage/local.ts'
import { createLog, type LogDestination } from './telemetry/logger.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { createProbes, type Readiness } from './telemetry/probes.ts'
import { createTelemetry } from './telemetry/recorder.ts'
import { type CertificateStatus, describeServer, type ServerStatus } from './telemetry/status.ts'
import { createSelfSignedCertificate } from './tls/self-signed.ts'

export type ApplicationOptions = {
  readonly source: ConfigurationSource
  readonly output: LogDestination
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
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
export async function startApplication({ source, output, version, runtime }: ApplicationOptions): Promise<Application> {
  const loaded = 'directory' in source ? await loadConfiguration(source.directory, undefined) : undefined
  const initial = 'directory' in source ? loaded?.configuration : source.configuration
  if (initial === undefined) throw new ConfigurationError(loaded?.problems ?? [])
  const locate = 'directory' in source ? inServerFile : source.locate

  const log = createLog(initial.server.logging, output)
  const metrics = createMetrics({ version, runtime, verbs: commands.flatMap(({ verbs }) => verbs) })
  const telemetry = createTelemetry({ logger: log.logger, metrics })
  const verifier = createPasswordVerifier({ onFault })
  const uploads: RunningUploads = new Set()
  const server = new FtpServer({
    configuration: initial,
    telemetry,
    authenticator: createAuthenticator(verifier),
    openStorage: (user, configuration) =>
      openLocalStorage({
        root: resolve(configuration.server.root),
        home: user.home,
        uploads,
        mayLead: (path, target) => mayLead(user, path, target),
      }),
    createCertificate,
  })
  const listening = new Listening({
    server,
    createProbes: ({ port, addresses }) =>
      createProbes({ port, addresses, registry: metrics.registry, readiness: () => readiness[state], status, onFault }),
    onChange: () => {
      if (state === 'ready') telemetry.listeningChanged(problems())
    },
    onFault,
  })
  let problemsOfFiles = loaded?.problems ?? []
  let loadedAt = Date.now()
  let state: keyof typeof readiness = 'starting'
  let watcher: ConfigurationWatcher | undefined
  /** Reloads happen one after the other. */
  let reloading: Promise<void> = Promise.resolve()

  try {
    await listening.follow()
    if (listening.violations.length > 0) throw new ConfigurationError(listening.violations.map(locate))
  } catch (error) {
    await listening.close()
    await server.close(0)
    await verifier.close()
    throw error
  }
  tellInForce(initial)
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
      await verifier.close()
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
    await server.apply(configuration)
    await listening.follow()
    tellInForce(configuration)
  }

  function tellInForce(configuration: Configuration): void {
    telemetry.reloaded(configuration.hash, configuration.users.size, problems())
    const certificate = certificateStatus()
    if (certificate !== undefined) telemetry.certificateExpires(Date.parse(certificate.expires))
  }

  function status(): ServerStatus {
    return describeServer({
      version,
      configuration: server.configuration,
      loadedAt,
      problems: problems(),
      sessions: sessions(),
      sessionCount: server.sessionCount,
      certificate: certificateStatus(),
    })
  }

  function* sessions() {
    for (const { session, transfer } of server.connections) {
      yield {
        session,
        transfer: transfer && { verb: transfer.verb, path: transfer.path, bytes: transfer.progress.bytes },
      }
    }
  }

  function certificateStatus(): CertificateStatus | undefined {
    return server.certificate && describeCertificate(server.certificate)
  }
}

const readiness = {
  starting: { ready: false, reason: 'starting' },
  ready: { ready: true, reason: 'ready' },
  draining: { ready: false, reason: 'draining' },
} as const satisfies Record<string, Readiness>

function inServerFile(violation: Violation): Problem {
  return { file: 'server.yaml', ...violation }
}

function describeCertificate({ certificate }: CertificateFiles): CertificateStatus {
  const { validToDate, fingerprint256, subject, issuer } = new X509Certificate(certificate)
  return { expires: validToDate.toISOString(), selfSigned: subject === issuer, fingerprint: fingerprint256 }
}

async function createCertificate(): Promise<CertificateFiles> {
  const name = hostname()
  const options = { commonName: name, dnsNames: [name, 'localhost'], addresses: ['127.0.0.1', '::1'] }
  return {
    ...(await createSelfSignedCertificate({ ...options, validDays: 825, now: Date.now() })),
    authority: undefined,
  }
}
