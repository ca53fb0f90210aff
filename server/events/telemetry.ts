/** What the spool and its sinks tell logs and metrics. */

export type DropReason =
  /** The spool is full. */
  | 'full'
  /** More than half full: the rest is kept for what strangers can't cause as often as they like. */
  | 'reserved'
  /** Too many wait to be written. */
  | 'busy'
  | 'write-failed'

export type SinkTelemetry = {
  /** At the first attempt, or after others that have failed. */
  eventSent(sink: string, attempt: number): void
  /** It is tried again after so many seconds; never, if undefined: the sink does not take this event. */
  eventFailed(sink: string, reason: string, retrySeconds: number | undefined): void
}

export type EventsTelemetry = SinkTelemetry & {
  /** Bytes that the spool has now. */
  eventsSpooled(count: number, bytes: number): void
  /** For one sink, or for all. `no-spool`: its directory can't be used. */
  eventsDropped(reason: DropReason | 'no-spool', count: number, sink: string | undefined): void
  /** The spool can't be written to, because of an error, or can be again. */
  eventSpoolTrouble(directory: string, error: unknown): void
  /** Events that a server before this one has left. */
  eventsTakenOver(count: number): void
  fault(error: unknown): void
}
