/** What is told of a server as a whole: sessions, status and metrics of all its processes together. */
import { X509Certificate } from 'node:crypto'
import type { Registry } from 'prom-client'
import type { Bans } from './bans/bans.ts'
import type { CertificateFiles, Problem } from './config/configuration.ts'
import type { FtpServer } from './server.ts'
import type { Serving } from './sessions/serving.ts'
import { sumMetrics } from './telemetry/aggregate.ts'
import type { MetricsSource } from './telemetry/probes.ts'
import {
  type CertificateStatus,
  describeServer,
  describeSessions,
  describeStalled,
  type ServerStatus,
  type SessionStatus,
} from './telemetry/status.ts'
import type { HomeRemovals } from './upkeep/home-removals.ts'
import type { WorkerPool } from './workers/worker-pool.ts'

export type OverviewOptions = {
  readonly version: string
  readonly server: FtpServer
  readonly serving: Serving
  readonly workers: WorkerPool
  readonly bans: Bans
  readonly homeRemovals: Pick<HomeRemovals, 'status'>
  /** Of this process. */
  readonly registry: Registry
  readonly problems: () => readonly Problem[]
  /** When the configuration in force was loaded: milliseconds since the epoch. */
  readonly loadedAt: () => number
}

export class Overview {
  readonly #options: OverviewOptions

  constructor(options: OverviewOptions) {
    this.#options = options
  }

  /** Each session. Never rejects. */
  async who(): Promise<readonly SessionStatus[]> {
    const { serving, workers } = this.#options
    return [...describeSessions(serving.sessions.described()), ...(await workers.described()).sessions]
  }

  async status(): Promise<ServerStatus> {
    const { version, server, serving, workers, bans, homeRemovals, problems, loadedAt } = this.#options
    const { sessions: sessionsOfWorkers, stalledVolumes } = await workers.described()
    return describeServer({
      version,
      configuration: server.configuration,
      loadedAt: loadedAt(),
      problems: problems(),
      sessions: serving.sessions.described(),
      sessionCount: server.sessionCount,
      workers: { status: workers.status, sessions: sessionsOfWorkers },
      bans: { inForce: bans.inForce(), count: bans.size },
      stalledVolumes: [...describeStalled(serving.gates.stalled), ...stalledVolumes],
      removedHomes: homeRemovals.status(),
      certificate: this.certificate,
    })
  }

  get certificate(): CertificateStatus | undefined {
    const { certificate } = this.#options.server
    return certificate && describeCertificate(certificate)
  }

  get metrics(): MetricsSource {
    const { registry, workers } = this.#options
    return {
      contentType: registry.contentType,
      metrics: async () =>
        workers.isEmpty
          ? registry.metrics()
          : sumMetrics([...(await workers.metrics()), await registry.getMetricsAsJSON()]).metrics(),
    }
  }
}

function describeCertificate({ certificate }: CertificateFiles): CertificateStatus {
  const { validToDate, fingerprint256, subject, issuer } = new X509Certificate(certificate)
  return { expires: validToDate.toISOString(), selfSigned: subject === issuer, fingerprint: fingerprint256 }
}
