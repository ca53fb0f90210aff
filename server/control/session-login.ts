/** Logging in and out: from a verdict on a password to a user with a storage and a place among the user's sessions. */
import { setTimeout as delay } from 'node:timers/promises'
import { certificateUser } from '../auth/authenticator.ts'
import type { Configuration, User } from '../config/configuration.ts'
import { guardStorage } from '../storage/guarded.ts'
import { StorageError } from '../storage/storage.ts'
import type { AuthenticationResult } from './command.ts'
import { reply } from './reply.ts'
import type { Services } from './services.ts'
import type { LoggedIn, Session } from './session.ts'

type LoginServices = Pick<Services, 'admission' | 'authenticator' | 'openStorage' | 'telemetry' | 'now'>

/** Checks a password and logs in. A refusal waits (RFC 2577 section 5) unless the signal ends the wait. */
export async function authenticate(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  attempt: { readonly name: string; readonly password: string },
  signal: AbortSignal,
): Promise<AuthenticationResult> {
  const { limits } = configuration.server
  const situation = {
    address: session.peer.address,
    // After CCC a password is in clear text again.
    protection: session.protection === 'tls' ? 'tls' : 'clear',
    clientCertificate: session.clientCertificate,
  } as const
  const result = await services.authenticator.authenticate({ ...attempt, ...situation }, configuration, services.now())
  if (!result.accepted) {
    services.telemetry.loginFailed(session, attempt.name, result.reason)
    await delay(limits.failedLoginDelayMilliseconds, undefined, { signal }).catch(() => undefined)
    const close = session.failedLogins + 1 >= limits.maxFailedLogins
    return {
      accepted: false,
      close,
      reply: close ? reply(421, 'Too many failed logins: closing.') : reply(530, 'Login incorrect.'),
    }
  }
  const login = await admit(services, configuration, result.user)
  if (typeof login === 'string') {
    services.telemetry.loginFailed(session, attempt.name, login)
    return { accepted: false, close: false, reply: refusals[login] }
  }
  services.telemetry.loggedIn(session, result.user.name, result.method)
  return { accepted: true, login }
}

/** Logs in by the client's certificate alone (RFC 4217 section 12.2); undefined where that does not suffice. */
export async function certificateLogin(
  services: LoginServices,
  session: Session,
  configuration: Configuration,
  name: string,
): Promise<LoggedIn | undefined> {
  const situation = { address: session.peer.address, protection: session.protection, now: services.now() }
  const user = certificateUser(name, session.clientCertificate, configuration, situation)
  if (user === undefined) return undefined
  const login = await admit(services, configuration, user)
  if (typeof login === 'string') {
    services.telemetry.loginFailed(session, name, login)
    return undefined
  }
  services.telemetry.loggedIn(session, name, 'certificate')
  return login
}

/** The same login with the user and root of another configuration. Rejects with a StorageError. */
export async function renew(
  services: LoginServices,
  login: LoggedIn,
  user: User,
  configuration: Configuration,
): Promise<LoggedIn> {
  const storage = guardStorage(await services.openStorage(user, configuration), user)
  await login.storage.close()
  return { state: 'logged-in', user, storage }
}

/** Gives back what the login took. */
export async function logOut(services: LoginServices, login: LoggedIn): Promise<void> {
  services.admission.leaveUser(login.user.name)
  await login.storage.close()
}

const refusals = {
  'too-many-sessions': reply(530, 'Too many sessions of this user.'),
  'home-unavailable': reply(530, 'The home directory is not available.'),
} as const

async function admit(
  services: LoginServices,
  configuration: Configuration,
  user: User,
): Promise<LoggedIn | keyof typeof refusals> {
  const maxSessions = user.limits.maxSessions ?? configuration.server.limits.maxSessionsPerUser
  if (!services.admission.admitUser(user.name, maxSessions)) return 'too-many-sessions'
  try {
    return { state: 'logged-in', user, storage: guardStorage(await services.openStorage(user, configuration), user) }
  } catch (error) {
    services.admission.leaveUser(user.name)
    if (error instanceof StorageError) return 'home-unavailable'
    throw error
  }
}
