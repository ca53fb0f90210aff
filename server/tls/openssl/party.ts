/** A session in one handshake that OpenSSL does on a bare connection. */
import type { HostCertificate } from '../host-certificate.ts'
import type { Resumable } from '../kin.ts'
import { type Purpose, protocolOf } from '../protocol-names.ts'
import type { Demand, SessionKeys } from '../session-keys.ts'
import type { OpenSsl, TlsParty } from './openssl.ts'

type Session = { readonly openssl: OpenSsl; readonly keys: SessionKeys; readonly host: HostCertificate }

export class BareParty implements TlsParty {
  readonly sessionContext: Buffer
  readonly mayBegin: boolean
  /** Whose TLS session is resumed, if not its own. */
  lentBy: Resumable | undefined
  readonly #session: Session
  readonly #purpose: Purpose

  constructor(session: Session, purpose: Purpose, demand: Demand) {
    this.#session = session
    this.#purpose = purpose
    this.sessionContext = session.keys.sessionContext
    this.mayBegin = demand === 'none'
  }

  mayResume(sessionContext: Buffer): boolean {
    if (this.#purpose === 'control') return false
    const isKnown = (other: Resumable) => (other.sessionContext.equals(sessionContext) ? true : undefined)
    return this.#lent(this.#session.keys.lending.find(isKnown)) !== undefined
  }

  sessionWithId(id: string): Buffer | undefined {
    if (this.#purpose === 'control') return undefined
    const { keys } = this.#session
    return keys.sessionWithId(id) ?? this.#lent(keys.lending.find(other => other.sessionWithId(id)))
  }

  selectProtocol(offered: readonly string[]): string | undefined {
    return protocolOf(this.#purpose, offered)
  }

  nameHost(name: string): ReturnType<TlsParty['nameHost']> {
    if (this.#purpose !== 'control') return { context: undefined }
    const { openssl, host } = this.#session
    if (!host.isServed(name)) return 'unknown'
    return { context: host.lanesOfHost?.openSslContext(openssl, 'any host') }
  }

  #lent<Found>(loan: { readonly lender: Resumable; readonly found: Found } | undefined): Found | undefined {
    if (loan !== undefined) this.lentBy = loan.lender
    return loan?.found
  }
}
