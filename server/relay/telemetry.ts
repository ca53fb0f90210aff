/** What relaying tells logs and metrics. */

/** Why a connection was not relayed: labels of metrics, a closed set. */
export type RelayFailure =
  /** Their number is limited. */
  | 'too-many'
  /** Nobody knows yet whose port it is. */
  | 'owner-unknown'
  | 'owner-refused'
  | 'owner-silent'
  | 'client-gone'
  /** A proxy in front has sent no header, or no good one. */
  | 'bad-proxy-header'
  | 'no-secret'

/** Why a connection that somebody hands over was not taken. */
export type HandoverFailure =
  | 'too-many'
  /** Something else came, or nothing in time. */
  | 'no-header'
  | 'unsigned'
  /** The clocks of the two servers differ, or the header was made long ago. */
  | 'stale'
  | 'replayed'
  /** Nobody waits on the port. */
  | 'not-awaited'

export interface RelayTelemetry {
  /** Followed by exactly one relayEnded. */
  relayBegun(): void
  /** `broken`: one side has lost its connection, and so has the other. */
  relayEnded(result: 'complete' | 'broken', bytes: { readonly toOwner: number; readonly toClient: number }): void
  /** Before it began. */
  relayFailed(reason: RelayFailure, client: string, port: number): void
  /** Another server has handed over a connection. */
  handedOver(): void
  handoverRefused(reason: HandoverFailure, from: string): void
}
