/** What the parts of a control connection have of each other: one object for all, since functions for each would be dozens a session. */
import type { Offence } from '../../bans/offence.ts'
import type { DataChannel } from '../../data/data-channel.ts'
import type { ControlChannel } from '../control-channel.ts'
import type { RequestQueue } from '../input/request-queue.ts'
import type { Services } from '../services.ts'
import type { Ending } from './ending.ts'
import type { SessionProtection } from './session-protection.ts'
import type { SessionState } from './session-state.ts'
import type { SessionTransfers } from './session-transfers.ts'

export interface SessionParts {
  readonly services: Services
  readonly state: SessionState
  readonly channel: ControlChannel
  readonly queue: RequestQueue
  readonly data: DataChannel
  readonly transfers: SessionTransfers
  readonly protection: SessionProtection
  readonly isEnding: boolean
  /** Sends a last reply and lets the session end; resolves when that was sent, after the one of a transfer that runs. */
  end(ending: Ending): Promise<void> | undefined
  /** The same without a word. */
  hangUp(reason: string): void
  offend(offence: Offence): void
  /** The session is found to be none of people's. */
  giveUpPlace(): void
}
