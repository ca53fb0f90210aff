/** Logging in and out: from a verdict on a password to a user with a storage and a place among the user's sessions. */
import { setTimeout as delay } from 'node:timers/promises'
import { certificateUser, checkCode, currentUser, type LoginResult } from '../auth/authenticator.ts'
import type { Offence } from '../bans/offence.ts'
import type { Configuration, User } from '../config/configuration.ts'
import { placeOf, userAt } from '../config/hosts.ts'
import { withAllFolders } from '../config/user-folders.ts'
import { guardStorage } from '../storage/guarded.ts'
import { StorageError } from '../storage/storage.ts'
import { SharedStateError } from '../workers/shared-state.ts'
import type { AuthenticationResult } from './command.ts'
import { reply } from './reply.ts'
import type { Services } from './services.ts'
import type { LoggedIn, Session } from './session.ts'

type LoginFailure = Extract<LoginResult, { readonly accepted: false }>['reason']
type LoginServices = Pick<
  Services,
  'usedCodes' | 'shared' | 'authenticator' | 'openStorage' | 'telemetry' | 'now' | 'offences'
>

/** Checks a password and logs in. A refusal waits (RFC 2577 section 5) unless the connection's end ends the wait. */
export async function authenticate(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  attempt: { readonly name: string; readonly password: string; readonly proved?: User | undefined },
  connection: { readonly signal: AbortSignal },
): Promise<AuthenticationResult> {
  const { limits } = configuration.server
  const situation = {
    address: session.peer.address,
    // After CCC a password is in clear text again.
    protection: session.protection === 'tls' ? 'tls' : 'clear',
    clientCertificate: session.clientCertificate,
    place: placeOf(session, configuration),
  } as const
  const { proved, name, password } = attempt
  const checked =
    proved === undefined
      ? await services.authenticator.authenticate({ name, password, ...situation }, configuration, services.now())
      : checkCode(proved, password, configuration, { ...situation, now: services.now() })
  if (!checked.accepted && checked.reason === 'code-required') return { accepted: 'in-part', user: checked.user }
  const result = await takeCode(services, checked)
  if (!result.accepted) {
    services.telemetry.loginFailed(session, attempt.name, result.reason)
    const offence = offenceOf[result.reason]
    // Names that do not exist are not remembered: there is no end to them.
    const user = result.reason === 'unknown-user' ? undefined : attempt.name
    if (offence !== undefined) services.offences.offended(session.peer.address, offence, user)
    await delay(limits.failedLoginDelayMilliseconds, undefined, { signal: connection.signal }).catch(() => undefined)
    const close = session.failedLogins + 1 >= limits.maxFailedLogins
    return {
      accepted: false,
      close,
      reply: close ? reply(421, 'Too many failed logins: closing.') : reply(530, 'Login incorrect.'),
    }
  }
  const login = await admit(services, session, configuration, userAt(situation.place, result.user))
  if (typeof login === 'string') {
    services.telemetry.loginFailed(session, attempt.name, login)
    return { accepted: false, close: false, reply: refusals[login] }
  }
  services.telemetry.loggedIn(session, result.user.name, result.method)
  services.offences.loggedIn(session.peer.address, attempt.name)
  return { accepted: true, login }
}

/** A code is taken once. */
async function takeCode(services: LoginServices, result: LoginResult): Promise<LoginResult> {
  if (!result.accepted || result.codeStep === undefined) return result
  try {
    const taken = await services.usedCodes.take(result.user.name, result.codeStep)
    return taken ? result : { accepted: false, reason: 'wrong-code' }
  } catch (error) {
    if (error instanceof SharedStateError) return { accepted: false, reason: 'overloaded' }
    throw error
  }
}

/** Logs in by the client's certificate alone (RFC 4217 section 12.2); undefined where that does not suffice. */
export async function certificateLogin(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  name: string,
): Promise<LoggedIn | undefined> {
  const place = placeOf(session, configuration)
  const situation = { address: session.peer.address, protection: session.protection, place, now: services.now() }
  const user = certificateUser(name, session.clientCertificate, configuration, situation)
  if (user === undefined) return undefined
  const login = await admit(services, session, configuration, userAt(place, user))
  if (typeof login === 'string') {
    services.telemetry.loginFailed(session, name, login)
    return undefined
  }
  services.telemetry.loggedIn(session, name, 'certificate')
  services.offences.loggedIn(session.peer.address, name)
  return login
}

/** The login as another configuration has its user and root; the same if the user is gone. */
export async function renew(
  services: LoginServices,
  session: Session,
  login: LoggedIn,
  configuration: Configuration,
): Promise<LoggedIn | 'home-unavailable'> {
  const user = currentUser(login.user, configuration)
  if (user === undefined) return login
  try {
    const renewed = await enter(services, session, userAt(placeOf(session, configuration), user), configuration)
    await login.storage.close()
    return renewed
  } catch (error) {
    if (error instanceof StorageError) return 'home-unavailable'
    throw error
  }
}

/** Gives back what the login took. */
export async function logOut(services: LoginServices, login: LoggedIn): Promise<void> {
  services.shared.release('session-of-user', login.user.name)
  await login.storage.close()
}

/** Refusals that tell of guessing. The others are given only to who knows the password, or are the server's own fault. */
const offenceOf: Readonly<Record<LoginFailure, Offence | undefined>> = {
  'unknown-user': 'unknown-user',
  'wrong-password': 'wrong-password',
  'certificate-required': 'wrong-password',
  'wrong-code': 'wrong-password',
  'code-required': undefined,
  disabled: undefined,
  expired: undefined,
  'outside-schedule': undefined,
  'host-not-allowed': undefined,
  'network-not-allowed': undefined,
  'tls-required': undefined,
  overloaded: undefined,
}

const refusals = {
  'too-many-sessions': reply(530, 'Too many sessions of this user.'),
  overloaded: reply(530, 'Too busy: try again later.'),
  'home-unavailable': reply(530, 'The home directory is not available.'),
} as const

async function admit(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  user: User,
): Promise<LoggedIn | keyof typeof refusals> {
  const maxSessions = user.limits.maxSessions ?? configuration.server.limits.maxSessionsPerUser
  try {
    const admitted = await services.shared.claim('session-of-user', user.name, maxSessions)
    if (!admitted) return 'too-many-sessions'
  } catch (error) {
    if (error instanceof SharedStateError) return 'overloaded'
    throw error
  }
  try {
    return await enter(services, session, user, configuration)
  } catch (error) {
    services.shared.release('session-of-user', user.name)
    if (error instanceof StorageError) return 'home-unavailable'
    throw error
  }
}

/** The user in a storage of the user's own, with all that the configuration puts into it. */
async function enter(
  { openStorage, telemetry }: LoginServices,
  session: Session,
  bare: User,
  configuration: Configuration,
): Promise<LoggedIn> {
  const user = withAllFolders(bare, configuration.server)
  const storage = await openStorage(user, configuration)
  const guarded = guardStorage(storage, user, change => telemetry.fileChanged(session, user.name, change))
  return { state: 'logged-in', user, storage: guarded }
}
