/** Where sessions are served: in this process, or in one that it has started. */
import type { Socket } from 'node:net'
import type { ListenerConfiguration } from './config/schema.ts'

export interface SessionHost {
  /** Sessions it serves now. */
  readonly sessionCount: number
  /** Serves a client, whose socket is paused. `onEnd` is called once, when the session has ended, whatever ended it. */
  serve(socket: Socket, listener: ListenerConfiguration, onEnd: () => void): void
}
