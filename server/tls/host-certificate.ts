/** Whose certificate the connections of a session have: that of the host which its client names, where there are several. */
import { X509Certificate } from 'node:crypto'
import type { HandshakeOptions } from './handshake.ts'
import { HandshakeLanes } from './handshake-lanes.ts'

/** Virtual hosts (RFC 7151), which a client may name in the handshake of the control connection; its data connections have their certificate, too. */
export type TlsHosts = {
  /** The one that was named before the handshake: no other may be named in it. */
  readonly named: string | undefined
  readonly find: (serverName: string) => { readonly name: string; readonly lanes: HandshakeLanes } | undefined
}

/** Without `hosts`, there is one certificate for whatever is named. */
export type HostOptions = HandshakeOptions & {
  /** Those of other sessions with the same options; otherwise some of its own. */
  readonly lanes?: HandshakeLanes
  readonly hosts?: TlsHosts
}

export class HostCertificate {
  readonly #options: HostOptions
  #lanes: HandshakeLanes
  /** Those of the host that the client has named. */
  #lanesOfHost: HandshakeLanes | undefined

  constructor(options: HostOptions) {
    this.#options = options
    this.#lanes = options.lanes ?? new HandshakeLanes(options)
  }

  /** What a handshake begins with. */
  get lanes(): HandshakeLanes {
    return this.#lanes
  }

  /** What it goes on with, if not with these: the client has named a host. */
  get lanesOfHost(): HandshakeLanes | undefined {
    return this.#lanesOfHost === this.#lanes ? undefined : this.#lanesOfHost
  }

  /** Whether it matters for the control connection which host its client names. */
  get nameMatters(): boolean {
    const { settings, hosts } = this.#options
    return settings.strictServerName || hosts !== undefined
  }

  /** Whether a client that names this host may go on. RFC 7151 section 3.3: HOST and SNI must name the same host. Its certificate is taken from now on. */
  isServed(name: string): boolean {
    const { certificate, settings, hosts } = this.#options
    const host = hosts?.find(name)
    this.#lanesOfHost = host?.lanes
    if (hosts?.named !== undefined) return host?.name === hosts.named
    if (host !== undefined || !settings.strictServerName) return true
    return new X509Certificate(certificate.certificate).checkHost(name) !== undefined
  }

  /** After the handshake of the control connection: all others have the certificate that it has. */
  keep(): void {
    this.#lanes = this.#lanesOfHost ?? this.#lanes
  }
}
