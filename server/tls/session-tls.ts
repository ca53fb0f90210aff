/** TLS of one session: its control connection and all its data connections share one set of resumption keys. */
import type { Socket } from 'node:net'
import type { BareConnection } from '../data/bare-connection.ts'
import { HostCertificate, type HostOptions } from './host-certificate.ts'
import type { Kin, Member } from './kin.ts'
import { NodeEngine } from './node-engine.ts'
import { BareEngine } from './openssl/bare-engine.ts'
import type { OpenSsl } from './openssl/openssl.ts'
import type { TlsConnection } from './openssl/tls-connection.ts'
import type { ClientCertificate, SecureChannel } from './secure-channel.ts'
import { type Demand, type Offer, SessionKeys } from './session-keys.ts'
import { TicketSupply } from './ticket-supply.ts'
import type { WireInput } from './wire.ts'

/** With the certificate in force when AUTH came; it stays with the session. */
export type SessionTlsOptions = HostOptions & {
  /** By which bare connections are secured; without it there must be sockets. */
  readonly openssl?: OpenSsl | undefined
  /** The session that it is for, and those that may be of the same client. */
  readonly member?: Member
  readonly kin?: Kin
}

/**
 * Made at AUTH (or on connecting, with implicit TLS), kept through CCC, dropped at REIN. Nothing to close. The ticket keys and the
 * session cache are this session's alone, so a data connection that resumes comes from whoever did the control connection's handshake.
 * Many programs (those in Go, on Windows, with libcurl) keep one cache for all their connections and offer what they got last: a data
 * connection may resume the session of another control connection, if that is the same user's at the same address.
 */
export class SessionTls {
  readonly keys: SessionKeys
  readonly #options: SessionTlsOptions
  readonly #host: HostCertificate
  // What a session has no need of is not made.
  #nodeEngine: NodeEngine | undefined
  #bareEngine: BareEngine | undefined
  #supply: TicketSupply | undefined
  #clientCertificate: ClientCertificate | undefined

  constructor(options: SessionTlsOptions) {
    this.#options = options
    this.#host = new HostCertificate(options)
    this.keys = new SessionKeys(this.#host.lanes.newTicketKeys(), options)
  }

  /** Where bare connections can be secured: whether all of the session are, is decided by the control connection. */
  get openssl(): OpenSsl | undefined {
    return this.#options.openssl
  }

  /** Whether its connections have no sockets: all are secured by OpenSSL itself, as a TLS session that began by one way is none to the other. */
  get isBare(): boolean {
    return this.#bareEngine !== undefined
  }

  get handshakeTimeoutMilliseconds(): number {
    return this.#options.handshakeTimeoutSeconds * 1000
  }

  /** Does the handshake of the control connection, on a paused socket, read by `input` if there is one. Rejects with TlsError, with the socket destroyed. */
  async secureControl(socket: Socket, signal: AbortSignal, input?: WireInput): Promise<SecureChannel> {
    return this.#begun(await this.#byNode.secure(socket, { purpose: 'control', signal, demand: 'none', input }))
  }

  /**
   * The same for a data connection; the server is the TLS server whoever connected (RFC 4217 section 7). To `send` costs half of the
   * processor time, as OpenSSL writes to the socket without a detour; `receive` can do both.
   */
  secureData(
    socket: Socket,
    signal: AbortSignal,
    direction: 'send' | 'receive' = 'receive',
    demand: Demand = 'none',
  ): Promise<SecureChannel> {
    return this.#byNode.secure(socket, { purpose: direction, signal, demand })
  }

  /** The same for a bare connection, with it closed where it fails, and failing where it is closed. All connections of the session have to be bare then. */
  async secureBareControl(bare: BareConnection, signal?: AbortSignal): Promise<TlsConnection> {
    return this.#begun(await this.#byOpenSsl.secure(bare, { purpose: 'control', signal, demand: 'none' }))
  }

  /** `early` is what was read of it before. To `receive`, new tickets are left to whoever reads. */
  async secureBareData(
    bare: BareConnection,
    signal: AbortSignal,
    direction: 'send' | 'receive',
    { early, demand }: { readonly early?: Buffer | undefined; readonly demand: Demand },
  ): Promise<TlsConnection> {
    return await this.#byOpenSsl.secure(bare, { purpose: direction, signal, demand, early })
  }

  /** Whether a data connection has the certificate of the control connection, or neither has one: else it is somebody else's (RFC 4217 section 12.2 lets certificates log in). */
  isClientOf({ clientCertificate }: Pick<SecureChannel, 'clientCertificate'>): boolean {
    return clientCertificate?.fingerprint === this.#clientCertificate?.fingerprint
  }

  /**
   * Whether the handshake of a data connection proves whose it is. One that resumed the session of another control connection does if
   * that is the same user's, and programs connect while others of their connections log in: for this it waits so long.
   */
  proves(channel: SecureChannel | TlsConnection, signal: AbortSignal, patienceMilliseconds: number): Promise<boolean> {
    return this.keys.lending.proves(channel, signal, patienceMilliseconds)
  }

  /** Whether the client has resumed on a data connection before, with as good a chance to as it has now. */
  get resumptionExpected(): boolean {
    // The session that it got last may be of a control connection that is closed by now.
    return !this.keys.mixes && this.#supply?.hasServed === true
  }

  /** Whether what a client wants to resume by comes from this session, or another one of the same client. It may be a copy: only a handshake proves anything. */
  hasIssued(offer: Offer): boolean {
    return this.keys.hasIssued(offer, this.openssl?.ticketKeys)
  }

  /** Learns from a data connection that was accepted. */
  noteDataConnection(channel: Pick<SecureChannel, 'resumed' | 'protocol'>, direction: 'send' | 'receive'): void {
    this.#supply ??= new TicketSupply()
    this.#supply.note(channel, direction)
  }

  #begun<Connection extends SecureChannel | TlsConnection>(control: Connection): Connection {
    this.#host.keep()
    this.#clientCertificate = control.clientCertificate
    return control
  }

  get #byNode(): NodeEngine {
    this.#nodeEngine ??= new NodeEngine(this.#parts)
    return this.#nodeEngine
  }

  get #byOpenSsl(): BareEngine {
    const { openssl } = this.#options
    if (openssl === undefined) throw new Error('OpenSSL is not to be had')
    this.#bareEngine ??= new BareEngine({ ...this.#parts, openssl })
    return this.#bareEngine
  }

  get #parts() {
    return { keys: this.keys, host: this.#host, timeoutSeconds: this.#options.handshakeTimeoutSeconds }
  }
}
