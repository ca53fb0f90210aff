/** A volume that hangs can't be called off: what waits for it is left behind, and put away once it is there. */
import type { Outcome } from './command.ts'
import { storageReply } from './reply.ts'
import type { Services } from './services.ts'
import type { Session } from './session/session.ts'
import { logOut } from './session/session-login.ts'
import { release } from './session/session-transfers.ts'

/** The outcome, or one that says that there was none in time. */
export async function outcomeInTime(
  running: Promise<Outcome>,
  milliseconds: number,
  services: Services,
  session: () => Session,
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome | undefined>()
  const timer = setTimeout(() => resolve(undefined), milliseconds)
  void running.then(resolve, reject)
  try {
    const outcome = await promise
    if (outcome !== undefined) return outcome
  } finally {
    clearTimeout(timer)
  }
  running.then(late => discard(late, services, session())).catch(error => services.telemetry.fault(error, session()))
  return { kind: 'reply', reply: storageReply('failed') }
}

/** What a command opened for a client that has gone meanwhile. */
export async function discard(outcome: Outcome, services: Services, session: Session): Promise<void> {
  if (outcome.kind === 'transfer') await release(outcome.transfer)
  else if (outcome.session?.login?.state === 'logged-in') await logOut(services, session, outcome.session.login)
}
