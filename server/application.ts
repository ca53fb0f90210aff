/** The whole server in a running state: what is started, in which order, what follows the configuration, and how all of it ends. Knows no process. */
import type { Configuration, Problem } from './config/configuration.ts'
import type { LoadResult } from './config/load.ts'
import { countUsers } from './config/users/probe-user.ts'
import { ConfigurationWatcher } from './config/watch.ts'
import { ConfigurationError, type ConfigurationSource, type Initial, readInitial } from './configuration-source.ts'
import { Events } from './events/events.ts'
import { Listening } from './listening/listening.ts'
import { Overview } from './overview.ts'
import { Processes, type ProcessesOptions } from './processes.ts'
import { Relaying } from './relay/relaying.ts'
import { Reports } from './reports.ts'
import type { FtpServer } from './server.ts'
import type { LogDestination } from './telemetry/logger.ts'
import { createProbes, type Readiness } from './telemetry/probes.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { Upkeep } from './upkeep/upkeep.ts'

export type ApplicationOptions = Pick<ProcessesOptions, 'startWorker'> & {
  readonly source: ConfigurationSource
  readonly output: LogDestination
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
  /** Whether the kernel sends files by itself where it can, which is the default. */
  readonly sendfile?: 'off' | undefined
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
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const application = new RunningApplication(options, await readInitial(options.source))
  await application.start()
  return application
}

class RunningApplication implements Application {
  readonly #initial: Initial
  readonly #reports: Reports
  readonly #telemetry: Telemetry
  readonly #events: Events
  readonly #processes: Processes
  readonly #listening: Listening
  readonly #relaying: Relaying
  readonly #upkeep: Upkeep
  readonly #overview: Overview
  #problemsOfFiles: readonly Problem[]
  #loadedAt = Date.now()
  #state: keyof typeof readiness = 'starting'
  #watcher: ConfigurationWatcher | undefined
  /** Reloads happen one after the other. */
  #reloading: Promise<void> = Promise.resolve()
  readonly #onFault = (error: unknown): void => this.#telemetry.fault(error)

  /** Nothing is open before `start`. */
  constructor(
    { version, output, runtime, sendfile, startWorker, cores, threads }: ApplicationOptions,
    initial: Initial,
  ) {
    const { configuration, files } = initial
    this.#initial = initial
    this.#problemsOfFiles = files?.loaded.problems ?? []
    this.#reports = new Reports({ configuration: configuration.server, output, version, runtime })
    const { logger, metrics, recorder } = this.#reports
    this.#events = new Events({ configuration: configuration.server, telemetry: recorder })
    this.#telemetry = this.#reports.withEventsTo(this.#events)
    const telemetry = this.#telemetry
    const who: ProcessesOptions['who'] = () => this.#overview.who()
    const events = this.#events
    this.#processes = new Processes({
      configuration,
      telemetry,
      logger,
      events,
      sendfile,
      startWorker,
      cores,
      threads,
      who,
    })
    const { server, serving, workers, bans, claims, quotas } = this.#processes
    this.#upkeep = new Upkeep({
      telemetry,
      volumes: serving.volumes,
      quotas,
      uploadClaims: () => this.#processes.uploadClaims(),
      root: () => this.#processes.root,
      isLoggedIn: user => claims.isClaimed('session-of-user', user),
    })
    this.#overview = new Overview({
      version,
      server,
      serving,
      workers,
      bans,
      homeRemovals: this.#upkeep.homeRemovals,
      registry: metrics.registry,
      problems: () => this.#problems(),
      loadedAt: () => this.#loadedAt,
    })
    const onFault = this.#onFault
    const onChange = (): void => this.#tellListening()
    this.#listening = new Listening({
      server,
      createProbes: ({ port, addresses }) =>
        createProbes({
          port,
          addresses,
          registry: this.#overview.metrics,
          readiness: () => this.#readiness(),
          status: () => this.#overview.status(),
          onFault,
        }),
      onChange,
      onFault,
    })
    this.#relaying = new Relaying({
      configuration,
      telemetry,
      take: (port, first, address) => this.#processes.takeRelayed(port, first, address),
      onChange,
      onFault,
    })
  }

  get server(): FtpServer {
    return this.#processes.server
  }

  probesPort(): number | undefined {
    return this.#listening.probesPort
  }

  /** Rejects with a ConfigurationError, among others; nothing is open then. */
  async start(): Promise<void> {
    const { configuration, files } = this.#initial
    try {
      await this.#open(configuration)
    } catch (error) {
      await this.#listening.close()
      this.#relaying.close()
      await this.server.close(0)
      await this.#close(0)
      throw error
    }
    this.#tellInForce(configuration)
    await this.#upkeep.follow(configuration)
    this.#state = 'ready'
    if (files !== undefined) this.#watcher = this.#watch(files)
  }

  async stop(): Promise<void> {
    this.#state = 'draining'
    // Who drains still follows its files: a user who is removed meanwhile has to go.
    const graceMilliseconds = this.server.configuration.server.limits.drainTimeoutSeconds * 1000
    await Promise.all([this.server.close(graceMilliseconds), this.#relaying.idle(graceMilliseconds)])
    this.#relaying.close()
    await this.#watcher?.close()
    await this.#reloading
    await this.#listening.close()
    await this.#close(eventGraceMilliseconds)
  }

  async #open(configuration: Configuration): Promise<void> {
    // Who is banned must not get in first.
    await this.#processes.bans.open()
    await this.#events.open()
    // Sessions begin where they are to be.
    await this.server.apply(configuration)
    await this.#listening.follow()
    const { violations } = this.#listening
    if (violations.length > 0) throw new ConfigurationError(violations.map(this.#initial.locate))
    await this.#relaying.follow(configuration)
  }

  /** What is left once no session is. */
  async #close(eventMilliseconds: number): Promise<void> {
    await this.#upkeep.close()
    await this.#processes.close()
    await this.#events.close(eventMilliseconds)
  }

  #watch({ directory, loaded }: NonNullable<Initial['files']>): ConfigurationWatcher {
    return new ConfigurationWatcher({
      directory,
      initial: loaded,
      onChange: result => {
        this.#reloading = this.#reloading.then(() => this.#reload(result)).catch(this.#onFault)
      },
      onFault: this.#onFault,
    })
  }

  async #reload({ configuration, problems }: LoadResult): Promise<void> {
    this.#problemsOfFiles = problems
    if (configuration === undefined) return this.#telemetry.reloadFailed(this.#problems())
    const isSame = configuration.hash === this.server.configuration.hash
    if (isSame && problems.length > 0) return this.#telemetry.reloadFailed(this.#problems())
    this.#loadedAt = Date.now()
    this.#reports.follow(configuration.server)
    await this.#processes.follow(configuration)
    this.#events.follow(configuration.server)
    await this.#listening.follow()
    await this.#relaying.follow(configuration)
    this.#tellInForce(configuration)
    await this.#upkeep.follow(configuration)
  }

  #tellInForce(configuration: Configuration): void {
    this.#telemetry.reloaded(configuration.hash, countUsers(configuration), this.#problems())
    const { certificate } = this.#overview
    if (certificate !== undefined) this.#telemetry.certificateExpires(Date.parse(certificate.expires))
  }

  #tellListening(): void {
    if (this.#state === 'ready') this.#telemetry.listeningChanged(this.#problems())
  }

  #problems(): readonly Problem[] {
    const violations = [...this.#listening.violations, ...this.#relaying.violations]
    return [...this.#problemsOfFiles, ...violations.map(this.#initial.locate)]
  }

  #readiness(): Readiness {
    const isWithoutWorker = this.#state === 'ready' && !this.server.isServing
    return isWithoutWorker ? { ready: false, reason: 'no worker' } : readiness[this.#state]
  }
}

/** Time for sinks to take the last events; what they don't take waits on the disk. */
const eventGraceMilliseconds = 5000

const readiness = {
  starting: { ready: false, reason: 'starting' },
  ready: { ready: true, reason: 'ready' },
  draining: { ready: false, reason: 'draining' },
} as const satisfies Record<string, Readiness>
