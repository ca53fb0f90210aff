/** What a command sees of its session: looked up when it asks, as most commands ask for little. */
import { keepKind } from '../../kinds.ts'
import type { Context, LoggedInContext } from '../command.ts'
import type { LoggedIn } from './session.ts'
import { authenticate, certificateLogin } from './session-login.ts'
import type { SessionParts } from './session-parts.ts'

/** For one command. */
export function contextOf(parts: SessionParts): Context | LoggedInContext {
  const { login } = parts.state.session
  return login.state === 'logged-in' ? new LoggedInSessionContext(parts, login) : new SessionContext(parts)
}

class SessionContext implements Context {
  readonly #parts: SessionParts

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  get session(): Context['session'] {
    return this.#parts.state.session
  }

  get configuration(): Context['configuration'] {
    return this.#parts.state.configuration
  }

  get data(): Context['data'] {
    return this.#parts.data
  }

  get now(): number {
    return this.#parts.services.now()
  }

  get activity(): Context['activity'] {
    return this.#parts.services.activity()
  }

  get transfer(): Context['transfer'] {
    return this.#parts.transfers.running
  }

  get commands(): Context['commands'] {
    return this.#parts.services.commands.list
  }

  get checksums(): Context['checksums'] {
    return this.#parts.services.checksums
  }

  get who(): Context['who'] {
    return this.#parts.services.who
  }

  get authenticate(): Context['authenticate'] {
    const { services, state, channel } = this.#parts
    return (name, password, proved) =>
      authenticate(services, state.session, state.configuration, { name, password, proved }, channel)
  }

  get certificateLogin(): Context['certificateLogin'] {
    const { services, state } = this.#parts
    return name => certificateLogin(services, state.session, state.configuration, name)
  }
}

class LoggedInSessionContext extends SessionContext implements LoggedInContext {
  readonly login: LoggedIn

  constructor(parts: SessionParts, login: LoggedIn) {
    super(parts)
    this.login = login
  }

  get storage(): LoggedInContext['storage'] {
    return this.login.storage
  }
}

keepKind(() => [new SessionContext({} as SessionParts), new LoggedInSessionContext({} as SessionParts, {} as LoggedIn)])
