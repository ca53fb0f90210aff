/** Why a session has to end by itself: by the clock, or because its user may no longer be here. Pure. */
import { currentUser, whyNotAllowed } from '../../auth/authenticator.ts'
import type { Offence } from '../../bans/offence.ts'
import type { Configuration } from '../../config/configuration.ts'
import { placeOf } from '../../config/hosts.ts'
import { type Reply, reply } from '../reply.ts'
import type { Session } from './session.ts'

/** The last words, a short phrase for the log, and what the end counts as where the client has brought it about by abuse. */
export type Ending = {
  readonly answer: Reply
  readonly reason: string
  readonly offence?: Offence
  /** By the client, who waits for the answer and for nothing else. */
  readonly isAskedFor?: boolean
}

export const drained: Ending = { answer: reply(421, 'The server is going down.'), reason: 'drained' }
export const banned: Ending = { answer: reply(421, 'Too many failures: closing.'), reason: 'banned' }
export const homeUnavailable: Ending = {
  answer: reply(421, 'The home directory is not available: closing.'),
  reason: 'home unavailable',
}
export const internalError: Ending = { answer: reply(421, 'Internal error: closing.'), reason: 'internal error' }
export const dataAfterAuth: Ending = {
  answer: reply(503, 'Nothing may follow AUTH before the handshake: closing.'),
  reason: 'data after AUTH',
  offence: 'data-after-auth',
}
// Half a line under TLS and half in clear text would be nobody's command.
export const dataBeforeClearText: Ending = {
  answer: reply(503, 'Nothing may follow before TLS has ended: closing.'),
  reason: 'data before the end of TLS',
}

export type Situation = {
  readonly configuration: Configuration
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Milliseconds of the monotonic clock, as the two below: clocks are set. */
  readonly elapsed: number
  readonly lastActivity: number
  /** Since when nobody is logged in, while nobody is. */
  readonly loggedOutSince: number
  readonly transferring: boolean
  /** The server is going down. */
  readonly draining: boolean
}

// Between two commands of a client at work; whoever is at rest loses nothing by 421 but has to connect again.
const pauseMilliseconds = 5000

/** Why the session has to end now; undefined if it may go on. */
export function dueEnding(session: Session, situation: Situation): Ending | undefined {
  const { configuration, now, elapsed, lastActivity, loggedOutSince, transferring, draining } = situation
  const { limits } = configuration.server
  const { login } = session
  if (login.state !== 'logged-in' && elapsed - loggedOutSince > limits.loginTimeoutSeconds * 1000) {
    return { answer: reply(421, 'Login timeout: closing.'), reason: 'login timeout' }
  }
  const ended = endOfAccess(session, configuration, now)
  if (ended !== undefined) return ended
  if (draining && !transferring && elapsed - lastActivity > pauseMilliseconds) return drained
  const idleTimeoutSeconds = idleTimeoutOf(session, configuration)
  // RFC 1123 section 4.1.3.2: never during a transfer.
  if (transferring || elapsed - lastActivity <= idleTimeoutSeconds * 1000) return undefined
  return { answer: reply(421, 'Idle timeout: closing.'), reason: 'idle timeout' }
}

/** How long the session may be without a command. */
export function idleTimeoutOf(
  { login, idleTimeoutSeconds = Number.POSITIVE_INFINITY }: Session,
  { server }: Configuration,
): number {
  const own = login.state === 'logged-in' ? login.user.limits.idleTimeoutSeconds : undefined
  return Math.min(idleTimeoutSeconds, own ?? server.limits.idleTimeoutSeconds)
}

/** Whether the user who is logged in may no longer be, as a configuration has it. */
export function endOfAccess(
  { login, peer, protection, host }: Session,
  configuration: Configuration,
  now: number,
): Ending | undefined {
  if (login.state !== 'logged-in') return undefined
  const user = currentUser(login.user, configuration)
  const place = placeOf({ host }, configuration)
  const refusal =
    user === undefined ? 'removed' : whyNotAllowed(user, { address: peer.address, protection, place, now })
  if (refusal === undefined) return undefined
  return { answer: reply(421, 'Your access has ended: closing.'), reason: `user ${refusal}` }
}
