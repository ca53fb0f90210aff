/** Where sessions are served: in this process, or in one that it has started. */
import type { Arrival, BareArrival } from '../arrival.ts'
import type { ListenerConfiguration } from '../config/schema.ts'

/** The place of a session among those that are counted. */
export interface Place {
  /** It is none of people's: the place is somebody else's from now on. */
  giveUp(): void
  /** Called once, when the session has ended, whatever ended it. */
  end(): void
}

export interface SessionHost {
  /** Sessions it serves now. */
  readonly sessionCount: number
  serve(arrival: Arrival | BareArrival, listener: ListenerConfiguration, place: Place): void
}
