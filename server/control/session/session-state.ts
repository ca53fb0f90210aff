/** The session of a connection as it is now, and the configuration that it goes by. */
import type { Configuration } from '../../config/configuration.ts'
import type { Language } from '../../config/schema/language.ts'
import type { Services } from '../services.ts'
import { type Ending, endOfAccess, homeUnavailable } from './ending.ts'
import { initialSettings, type LoggedIn, type Session, type SessionChange, spentSettings } from './session.ts'
import { renew } from './session-login.ts'

export class SessionState {
  readonly #services: Services
  #session: Session
  #configuration: Configuration
  #loggedOutSince = performance.now()

  constructor(session: Session, services: Services) {
    this.#services = services
    this.#session = session
    this.#configuration = services.configuration()
  }

  get session(): Session {
    return this.#session
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  /** That replies are in. */
  get language(): Language {
    return this.#session.language ?? this.#configuration.server.language
  }

  /** Since when nobody is logged in, while nobody is; by the monotonic clock. */
  get loggedOutSince(): number {
    return this.#loggedOutSince
  }

  change(change: Partial<Session>): void {
    this.#session = { ...this.#session, ...change }
  }

  /** What a command has changed and used up. Gives the login that is over. */
  settle(
    command: { readonly keepsRestart?: true } | undefined,
    change: SessionChange | undefined,
  ): LoggedIn | undefined {
    const { login } = this.#session
    const spent = spentSettings(this.#session, command?.keepsRestart === true)
    if (change === undefined && spent === undefined) return undefined
    this.change({ ...spent, ...change })
    if (change?.login === undefined || login.state !== 'logged-in') return undefined
    this.#loggedOutSince = performance.now()
    return login
  }

  /** As it is after connecting. Gives the login that is over. */
  reset(change: SessionChange): LoggedIn | undefined {
    // RFC 2577 section 5: who guesses passwords gets no new tries by starting over.
    const { listener, failedLogins } = this.#session
    return this.settle(undefined, { ...initialSettings(listener), failedLogins, ...change })
  }

  /** Takes over a configuration that was reloaded since the last command: the user as it is now, or why the session ends. */
  async follow(): Promise<Ending | undefined> {
    const configuration = this.#services.configuration()
    this.#configuration = configuration
    const { login } = this.#session
    if (login.state !== 'logged-in') return undefined
    const ended = endOfAccess(this.#session, configuration, this.#services.now())
    if (ended !== undefined) return ended
    const renewed = await renew(this.#services, this.#session, login, configuration)
    if (renewed === 'home-unavailable') return homeUnavailable
    this.change({ login: renewed })
    return undefined
  }
}
