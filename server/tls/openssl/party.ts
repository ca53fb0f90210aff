/** A session in one handshake that OpenSSL does on a bare connection. */
import { type Purpose, protocolOf } from '../protocol-names.ts'
import type { Demand, SessionTls } from '../session-tls.ts'
import type { TlsParty } from './openssl.ts'

export class BareParty implements TlsParty {
  readonly sessionContext: Buffer
  readonly mayBegin: boolean
  /** Whose TLS session is resumed, if not its own. */
  lentBy: SessionTls | undefined
  readonly #session: SessionTls
  readonly #purpose: Purpose

  constructor(session: SessionTls, purpose: Purpose, demand: Demand) {
    this.#session = session
    this.#purpose = purpose
    this.sessionContext = session.sessionContext
    this.mayBegin = demand === 'none'
  }

  mayResume(sessionContext: Buffer): boolean {
    if (this.#purpose === 'control') return false
    const isKnown = (other: SessionTls) => (other.sessionContext.equals(sessionContext) ? true : undefined)
    return this.#lent(this.#session.lending.find(isKnown)) !== undefined
  }

  sessionWithId(id: string): Buffer | undefined {
    if (this.#purpose === 'control') return undefined
    const { sessionIds, lending } = this.#session
    return sessionIds.get(id) ?? this.#lent(lending.find(other => other.sessionIds.get(id)))
  }

  selectProtocol(offered: readonly string[]): string | undefined {
    return protocolOf(this.#purpose, offered)
  }

  nameHost(host: string): ReturnType<TlsParty['nameHost']> {
    if (this.#purpose !== 'control') return { context: undefined }
    const { openssl } = this.#session
    if (openssl === undefined || !this.#session.isServed(host)) return 'unknown'
    return { context: this.#session.contextOfHost(openssl) }
  }

  #lent<Found>(loan: { readonly lender: SessionTls; readonly found: Found } | undefined): Found | undefined {
    if (loan !== undefined) this.lentBy = loan.lender
    return loan?.found
  }
}
