/** Where sessions are served: in this process, or in one that it has started. */
import type { Arrival } from './arrival.ts'
import type { ListenerConfiguration } from './config/schema.ts'

export interface SessionHost {
  /** Sessions it serves now. */
  readonly sessionCount: number
  /** Serves a client. `onEnd` is called once, when the session has ended, whatever ended it. */
  serve(arrival: Arrival, listener: ListenerConfiguration, onEnd: () => void): void
}
