/** Logging in and out: from a verdict on a password to a user with a storage and a place among the user's sessions. */
import { setTimeout as delay } from 'node:timers/promises'
import { after } from '../../at-once.ts'
import { certificateUser, checkCode, currentUser, type LoginResult } from '../../auth/authenticator.ts'
import type { Offence } from '../../bans/offence.ts'
import type { Configuration, User } from '../../config/configuration.ts'
import { placeOf, userAt } from '../../config/hosts.ts'
import { isProbeUser } from '../../config/users/probe-user.ts'
import { withAllFolders } from '../../config/users/user-folders.ts'
import { guardStorage } from '../../storage/guarded.ts'
import { StorageError } from '../../storage/storage.ts'
import { SharedStateError } from '../../workers/shared-state.ts'
import type { AuthenticationResult } from '../command.ts'
import { reply } from '../reply.ts'
import type { Services } from '../services.ts'
import type { LoggedIn, Session } from './session.ts'

type Attempt = { readonly name: string; readonly password: string; readonly proved?: User | undefined }

/** The connection, which may end while somebody waits. */
interface UntilEnd {
  untilEnd<Result>(wait: (ended: AbortSignal) => Promise<Result>): Promise<Result>
}

type LoginFailure = Extract<LoginResult, { readonly accepted: false }>['reason']
type LoginServices = Pick<
  Services,
  'usedCodes' | 'shared' | 'authenticator' | 'openStorage' | 'telemetry' | 'now' | 'offences'
>

/** Checks a password and logs in. A refusal waits (RFC 2577 section 5) unless the connection's end ends the wait. */
export function authenticate(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  attempt: Attempt,
  connection: UntilEnd,
): AuthenticationResult | Promise<AuthenticationResult> {
  const begun = performance.now()
  const { proved, name, password } = attempt
  const { clientCertificate } = session
  const { address } = session.peer
  // After CCC a password is in clear text again.
  const protection = session.protection === 'tls' ? 'tls' : 'clear'
  const place = placeOf(session, configuration)
  const now = services.now()
  const checked =
    proved === undefined
      ? services.authenticator.authenticate(
          { name, password, address, protection, place, clientCertificate },
          configuration,
          now,
        )
      : checkCode(proved, password, configuration, { address, protection, place, now })
  return after<LoginResult, AuthenticationResult>(checked, verdict => {
    if (!verdict.accepted && verdict.reason === 'code-required') return { accepted: 'in-part', user: verdict.user }
    return after<LoginResult, AuthenticationResult>(takeCode(services, name, verdict), result => {
      if (!result.accepted) return refuse(services, session, configuration, { name, begun, ...result }, connection)
      const admitted = admit(services, session, configuration, userAt(place, result.user))
      return after<Admitted, AuthenticationResult>(admitted, login => {
        if (typeof login !== 'string') {
          tellLogin(services, session, login, { name, method: result.method })
          return { accepted: true, login }
        }
        services.telemetry.loginFailed(session, name, login)
        return { accepted: false, close: false, reply: refusals[login] }
      })
    })
  })
}

async function refuse(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  { name, reason, begun }: { readonly name: string; readonly reason: LoginFailure; readonly begun: number },
  connection: UntilEnd,
): Promise<AuthenticationResult> {
  const { limits } = configuration.server
  services.telemetry.loginFailed(session, name, reason)
  const offence = offenceOf[reason]
  // Names that do not exist are not remembered: there is no end to them.
  const user = reason === 'unknown-user' ? undefined : name
  if (offence !== undefined) services.offences.offended(session.peer.address, offence, user)
  // From the beginning: how long the check took, which hangs on the hash, does not show.
  const left = Math.max(0, limits.failedLoginDelayMilliseconds - (performance.now() - begun))
  await connection.untilEnd(signal => delay(left, undefined, { signal })).catch(() => undefined)
  const close = session.failedLogins + 1 >= limits.maxFailedLogins
  return {
    accepted: false,
    close,
    reply: close ? reply(421, 'Too many failed logins: closing.') : reply(530, 'Login incorrect.'),
  }
}

/** A code is taken once, and wrong ones are few. */
function takeCode(services: LoginServices, name: string, result: LoginResult): LoginResult | Promise<LoginResult> {
  const step = result.accepted ? result.codeStep : undefined
  if (step === undefined && (result.accepted || result.reason !== 'wrong-code')) return result
  return takeStep(services, name, step, result)
}

async function takeStep(
  services: LoginServices,
  name: string,
  step: number | undefined,
  result: LoginResult,
): Promise<LoginResult> {
  try {
    const verdict = await services.usedCodes.take(name, step)
    if (verdict === 'taken') return result
    return { accepted: false, reason: verdict === 'too-many' ? 'too-many-codes' : 'wrong-code' }
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
  tellLogin(services, session, login, { name, method: 'certificate' })
  return login
}

function tellLogin(
  { telemetry, offences }: LoginServices,
  session: Session,
  { user, isProbe }: LoggedIn,
  { name, method }: { readonly name: string; readonly method: 'password' | 'anonymous' | 'certificate' },
): void {
  if (isProbe === true) return telemetry.probeLoggedIn(session)
  telemetry.loggedIn(session, user.name, method)
  offences.loggedIn(session.peer.address, name)
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
  // A session can't become that of the probe, or of people.
  if (isProbeUser(configuration, user.name) !== (login.isProbe === true)) return 'home-unavailable'
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
export function logOut(services: LoginServices, session: Session, login: LoggedIn): Promise<void> {
  if (login.isProbe === true) services.telemetry.probeLoggedOut(session)
  services.shared.release('session-of-user', login.user.name)
  return login.storage.close()
}

/** Refusals that tell of guessing. The others are given only to who knows the password, or are the server's own fault. */
const offenceOf: Readonly<Record<LoginFailure, Offence | undefined>> = {
  'unknown-user': 'unknown-user',
  'wrong-password': 'wrong-password',
  'certificate-required': 'wrong-password',
  'wrong-code': 'wrong-password',
  'too-many-codes': 'wrong-password',
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

type Admitted = LoggedIn | keyof typeof refusals

function admit(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  user: User,
): Admitted | Promise<Admitted> {
  const maxSessions = user.limits.maxSessions ?? configuration.server.limits.maxSessionsPerUser
  const claimed = services.shared.claim('session-of-user', user.name, maxSessions)
  if (claimed === false) return 'too-many-sessions'
  const entering = (): Admitted | Promise<Admitted> => {
    const failed = (error: unknown): 'home-unavailable' => {
      services.shared.release('session-of-user', user.name)
      if (error instanceof StorageError) return 'home-unavailable'
      throw error
    }
    try {
      const entered = enter(services, session, user, configuration)
      return entered instanceof Promise ? entered.catch(failed) : entered
    } catch (error) {
      return failed(error)
    }
  }
  return claimed === true ? entering() : admitLater(claimed, entering)
}

async function admitLater(claimed: Promise<boolean>, entering: () => Admitted | Promise<Admitted>): Promise<Admitted> {
  try {
    if (!(await claimed)) return 'too-many-sessions'
  } catch (error) {
    if (error instanceof SharedStateError) return 'overloaded'
    throw error
  }
  return entering()
}

/** The user in a storage of the user's own, with all that the configuration puts into it. */
function enter(
  { openStorage, telemetry }: LoginServices,
  session: Session,
  bare: User,
  configuration: Configuration,
): LoggedIn | Promise<LoggedIn> {
  const user = withAllFolders(bare, configuration.server)
  return after(openStorage(user, configuration), storage => {
    const guarded = guardStorage(storage, user, change => telemetry.fileChanged(session, user.name, change))
    const login: LoggedIn = { state: 'logged-in', user, storage: guarded }
    return isProbeUser(configuration, user.name) ? { ...login, isProbe: true } : login
  })
}
