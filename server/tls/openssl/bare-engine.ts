/** The handshakes of one session by OpenSSL itself: bare connections become TlsConnections. */
import type { BareConnection } from '../../data/bare-connection.ts'
import { TlsError, unusableCertificate } from '../handshake.ts'
import type { HostCertificate } from '../host-certificate.ts'
import type { Purpose } from '../protocol-names.ts'
import type { Demand, SessionKeys } from '../session-keys.ts'
import { shakeHandsBare } from './bare-handshake.ts'
import type { OpenSsl } from './openssl.ts'
import { BareParty } from './party.ts'
import type { TlsConnection, TlsConnectionOptions } from './tls-connection.ts'
import type { TlsContext } from './tls-context.ts'

/** Of the session that it does handshakes for. */
export type BareEngineOptions = {
  readonly openssl: OpenSsl
  readonly keys: SessionKeys
  readonly host: HostCertificate
  readonly timeoutSeconds: number
}

/** What a handshake is for. `early` is what was read of the connection before. */
export type BareHandshakeOptions = {
  readonly purpose: Purpose
  readonly signal: AbortSignal | undefined
  readonly demand: Demand
  readonly early?: Buffer | undefined
}

/** A client that receives reads to the end, in any case; one that commands waits for a reply. */
const ticketsOf = {
  control: 'with the first bytes',
  send: 'at once',
  receive: 'later',
} as const satisfies Record<Purpose, TlsConnectionOptions['tickets']>

export class BareEngine {
  readonly #options: BareEngineOptions

  constructor(options: BareEngineOptions) {
    this.#options = options
  }

  /** Rejects with TlsError, with the connection closed. */
  async secure(bare: BareConnection, { purpose, signal, demand, early }: BareHandshakeOptions): Promise<TlsConnection> {
    const { keys, timeoutSeconds } = this.#options
    const party = new BareParty(this.#options, purpose, demand)
    const connection = await shakeHandsBare({
      context: this.#context(bare, purpose),
      bare,
      party,
      early,
      tickets: ticketsOf[purpose],
      signal,
      timeoutSeconds,
    })
    const { resumed } = connection
    if (resumed && party.lentBy !== undefined) keys.lending.noteLender(connection, party.lentBy)
    const begun = resumed || !party.mayBegin ? undefined : connection.sessionWithId
    if (begun !== undefined) keys.keepSession(begun.id, begun.session)
    return connection
  }

  #context(bare: BareConnection, purpose: Purpose): TlsContext {
    const { openssl, host } = this.#options
    try {
      return host.lanes.openSslContext(openssl, purpose === 'control' && host.nameMatters ? 'named' : 'any host')
    } catch (cause) {
      bare.close()
      throw new TlsError('failed', unusableCertificate, { cause })
    }
  }
}
