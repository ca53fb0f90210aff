/** Sessions that have ended, of which V8 has to see an object of each kind to keep what it has compiled for the next ones. */
import type { Connection } from '../control/connection.ts'

/** The last one in clear text and the last one under TLS. Nothing to close. */
export class Examples {
  readonly #kept: { clear?: Connection; secured?: Connection } = {}

  /** One that has done what sessions do. It keeps no keys; a configuration that is not in force is for whoever calls to see to. */
  keep(connection: Connection): void {
    const { session, tls } = connection
    if (session.login.state !== 'logged-in') return
    if (tls === undefined) this.#kept.clear = connection
    // Others have streams of Node's, with the secrets of their connections.
    else if (tls.isBare) {
      tls.keys.forgetSessions()
      this.#kept.secured = connection
    }
  }

  clear(): void {
    delete this.#kept.clear
    delete this.#kept.secured
  }
}
