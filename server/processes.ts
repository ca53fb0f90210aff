/** All that serves sessions: this process and its workers, what they share, and who may come in. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { Bans } from './bans/bans.ts'
import type { Configuration } from './config/configuration.ts'
import type { FirstBytes } from './proxy-protocol/first-bytes.ts'
import { FtpServer } from './server.ts'
import { Admission } from './sessions/admission.ts'
import { createServing, type Serving, type ServingOptions, uploadClaims } from './sessions/serving.ts'
import { usageBelow } from './storage/local/directories/usage.ts'
import type { UploadClaims } from './storage/local/uploads/upload-claims.ts'
import { type QuotaHolder, QuotaLedger } from './storage/quota/quota-ledger.ts'
import { createFallbackCertificate } from './tls/fallback-certificate.ts'
import { BandwidthLedger } from './workers/bandwidth-ledger.ts'
import { type ClaimHolder, SharedLedger } from './workers/shared-state.ts'
import { UploadSharing } from './workers/upload-sharing.ts'
import type { WorkerDescriptors } from './workers/worker-descriptors.ts'
import { WorkerPool, type WorkerPoolOptions } from './workers/worker-pool.ts'

export type ProcessesOptions = Pick<ServingOptions, 'telemetry' | 'logger' | 'sendfile' | 'threads'> &
  Pick<WorkerPoolOptions, 'events' | 'cores' | 'who'> & {
    readonly configuration: Configuration
    /** Starts the program as a worker, with an IPC channel and advanced serialization, and with these descriptors. */
    readonly startWorker: (descriptors: WorkerDescriptors) => ChildProcess
  }

export class Processes {
  readonly server: FtpServer
  /** What this process has for it. */
  readonly serving: Serving
  readonly workers: WorkerPool
  readonly bans: Bans
  /** What the sessions of all processes have taken. */
  readonly claims: ClaimHolder
  /** What is stored, as this process counts it. */
  readonly quotas: QuotaHolder
  readonly #ledger = new SharedLedger()
  readonly #uploads = new UploadSharing(this.#ledger)
  readonly #quotaLedger: QuotaLedger
  #root: string

  constructor({ configuration, startWorker, cores, events, ...options }: ProcessesOptions) {
    const { telemetry, who } = options
    const admission = new Admission()
    const bandwidth = new BandwidthLedger()
    const sessionsInAll = (): number => admission.sessions
    this.#root = resolve(configuration.server.root)
    this.claims = this.#ledger.holder()
    this.#quotaLedger = new QuotaLedger({
      usageOf: directory => usageBelow(this.#root, directory, this.serving.volumes),
    })
    this.quotas = this.#quotaLedger.holder()
    this.bans = new Bans({
      configuration: configuration.server,
      telemetry,
      instance: randomBytes(6).toString('hex'),
      onBegun: client => {
        this.serving.sessions.endStrangers(client)
        this.workers.endStrangers(client)
      },
    })
    this.serving = createServing({
      ...options,
      inForce: { configuration, fallbackCertificate: undefined },
      shared: this.#uploads.holder(),
      quotas: this.quotas,
      offences: this.bans,
      sessionsInAll,
      bandwidthShares: bandwidth.holder(),
      portShare: () => this.workers.shareHere,
      onIdle: () => this.workers.noteIdleHere(),
    })
    this.workers = new WorkerPool({
      startWorker: sockets => startWorker({ lockFiles: this.#uploads.lockFiles, sockets }),
      cores,
      ledger: this.#ledger,
      quotas: this.#quotaLedger,
      bandwidth,
      offences: this.bans,
      events,
      sessionsInAll,
      isRoomy: address => admission.isRoomy(address, this.server.configuration.server.limits),
      who,
      sessionsHere: () => this.serving.sessions.sessionCount,
      onShare: () => this.serving.sessions.followPorts(),
      telemetry,
    })
    this.server = new FtpServer({
      configuration,
      telemetry,
      admission,
      bans: this.bans,
      sessions: this.serving.sessions,
      workers: this.workers,
      createCertificate: createFallbackCertificate,
    })
  }

  /** The directory of the files, as the configuration in force has it. */
  get root(): string {
    return this.#root
  }

  /** Files that are written to, for one part of this process. */
  uploadClaims(): UploadClaims {
    return uploadClaims(this.#uploads.holder())
  }

  /** Puts a configuration in force; resolves when all processes have it. */
  async follow(configuration: Configuration): Promise<void> {
    const root = resolve(configuration.server.root)
    if (root !== this.#root) this.#quotaLedger.clear()
    this.#root = root
    await this.server.apply(configuration)
    this.bans.follow(configuration.server)
  }

  /** Gives a connection that another server has relayed to the session that waits for it; false if there is none. */
  async takeRelayed(port: number, first: FirstBytes, address: string): Promise<boolean> {
    const taken = this.serving.sessions.takeRelayed(port, first, address)
    return taken === 'taken' || (await this.workers.takeRelayed(port, first, address)) === 'taken'
  }

  /** Once the server is closed. */
  async close(): Promise<void> {
    await this.serving.close()
    this.#uploads.close()
    await this.bans.close()
  }
}
