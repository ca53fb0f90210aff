/** A volume that hangs can't be called off: what waits for it is left behind, and put away once it is there. */
import { callIn } from '../deadlines.ts'
import type { Outcome } from './command.ts'
import { storageReply } from './reply.ts'
import type { Services } from './services.ts'
import type { Session } from './session/session.ts'
import { logOut } from './session/session-login.ts'
import { release } from './session/session-transfers.ts'

/** What becomes of a command that was too late. */
export type Late = {
  readonly discard: (outcome: Outcome) => Promise<void>
  readonly onFault: (error: unknown) => void
}

/** The outcome, or one that says that there was none in time. */
export function outcomeInTime(running: Promise<Outcome>, milliseconds: number, late: Late): Promise<Outcome> {
  // By hand: an async function that waits for one of two makes half a dozen promises.
  return new Promise((resolve, reject) => {
    let isLate = false
    const deadline = callIn(milliseconds, () => {
      isLate = true
      resolve({ kind: 'reply', reply: storageReply('failed') })
    })
    const come = (outcome: Outcome): Promise<void> | undefined => {
      deadline.end()
      if (isLate) return late.discard(outcome)
      resolve(outcome)
      return undefined
    }
    running.then(come).catch(error => {
      deadline.end()
      if (isLate) late.onFault(error)
      else reject(error)
    })
  })
}

/** What a command opened for a client that has gone meanwhile. */
export async function discard(outcome: Outcome, services: Services, session: Session): Promise<void> {
  if (outcome.kind === 'transfer') await release(outcome.transfer)
  else if (outcome.session?.login?.state === 'logged-in') await logOut(services, session, outcome.session.login)
}
