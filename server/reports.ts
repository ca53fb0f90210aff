/** What a process tells of itself: log, metrics, lines of transfers, events. */
import type { Logger } from 'pino'
import { commands } from './commands/index.ts'
import type { ServerConfiguration } from './config/schema.ts'
import { EventMaker, type EventOutlet } from './events/event-maker.ts'
import { tellingTelemetry } from './events/telling.ts'
import { createLog, type LogDestination, type LogOrigin, type ServerLog } from './telemetry/logger.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { createTelemetry } from './telemetry/recorder.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { withoutProbes } from './telemetry/without-probes.ts'
import { TransferLog } from './telemetry/xferlog.ts'

export type ReportsOptions = LogOrigin & {
  readonly configuration: ServerConfiguration
  readonly output: LogDestination
  readonly version: string
  /** Version of Node. */
  readonly runtime: string
}

/** Nothing to close: what has events closes that. */
export class Reports {
  readonly metrics: Metrics
  /** Log and metrics alone, for whoever has the events. */
  readonly recorder: Telemetry
  readonly #log: ServerLog
  readonly #transferLog: TransferLog
  #events: EventMaker | undefined
  #configuration: ServerConfiguration

  constructor({ configuration, output, version, runtime, ...origin }: ReportsOptions) {
    this.#configuration = configuration
    this.#log = createLog(configuration.logging, output, origin)
    this.metrics = createMetrics({ version, runtime, verbs: commands.flatMap(({ verbs }) => verbs) })
    this.#transferLog = new TransferLog(output, configuration)
    this.recorder = createTelemetry({ logger: this.logger, metrics: this.metrics, transferLog: this.#transferLog })
  }

  get logger(): Logger {
    return this.#log.logger
  }

  /** All of it, with the events that go there. To be called once. */
  withEventsTo(outlet: EventOutlet): Telemetry {
    this.#events = new EventMaker({ outlet, configuration: this.#configuration })
    return withoutProbes(tellingTelemetry(this.recorder, this.#events))
  }

  follow(configuration: ServerConfiguration): void {
    this.#configuration = configuration
    this.#log.configure(configuration.logging)
    this.#transferLog.configure(configuration)
    this.#events?.follow(configuration)
  }
}
