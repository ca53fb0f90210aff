/** The seam between sessions and bans: in the process that decides, offences are counted at once; in another one, they are told to it. */
import type { Offence } from './offence.ts'

export interface OffenceReports {
  /** Counts an offence of a client. The user is one that exists: who logs in as that user later makes up for it. */
  offended(address: string, offence: Offence, user?: string): void
  /** A user has logged in. */
  loggedIn(address: string, user: string): void
}
