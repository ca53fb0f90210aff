/** TLS of one session: its control connection and all its data connections share one set of resumption keys. */
import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { BareConnection } from '../data/bare-connection.ts'
import { shakeHands, TlsError } from './handshake.ts'
import {
  type HandshakeKind,
  type HandshakeLane,
  HandshakeLanes,
  type HandshakeOptions,
  type HandshakeParty,
  keepLast,
} from './handshake-lanes.ts'
import type { Kin, Member } from './kin.ts'
import { Lending } from './lending.ts'
import { shakeHandsBare } from './openssl/bare-handshake.ts'
import type { OpenSsl } from './openssl/openssl.ts'
import { BareParty } from './openssl/party.ts'
import { readTicket } from './openssl/ticket.ts'
import type { TlsConnection, TlsConnectionOptions } from './openssl/tls-connection.ts'
import type { TlsContext } from './openssl/tls-context.ts'
import { type Purpose, protocolOf } from './protocol-names.ts'
import { type ClientCertificate, SecureChannel } from './secure-channel.ts'
import { sessionIdOf } from './serialized-session.ts'
import { TicketSupply } from './ticket-supply.ts'
import { TlsWire, type WireInput } from './wire.ts'

/** With the certificate in force when AUTH came; it stays with the session. */
export type SessionTlsOptions = HandshakeOptions & {
  /** Those of other sessions with the same options; otherwise some of its own. */
  readonly lanes?: HandshakeLanes
  /** By which bare connections are secured; without it there must be sockets. */
  readonly openssl?: OpenSsl | undefined
  /** Where there are virtual hosts (RFC 7151). */
  readonly hosts?: TlsHosts
  /** The session that it is for, and those that may be of the same client. */
  readonly member?: Member
  readonly kin?: Kin
}

/** Virtual hosts, which a client may name in the handshake of the control connection; its data connections have their certificate, too. */
export type TlsHosts = {
  /** The one that was named before the handshake: no other may be named in it. */
  readonly named: string | undefined
  readonly find: (serverName: string) => { readonly name: string; readonly lanes: HandshakeLanes } | undefined
}

/** Whether a data connection has to resume a session of its client: what it begins otherwise is nothing to resume by. */
export type Demand = 'resumption' | 'none'

/**
 * Made at AUTH (or on connecting, with implicit TLS), kept through CCC, dropped at REIN. Nothing to close. The ticket keys and the
 * session cache are this session's alone, so a data connection that resumes comes from whoever did the control connection's handshake.
 * Many programs (those in Go, on Windows, with libcurl) keep one cache for all their connections and offer what they got last: a data
 * connection may resume the session of another control connection, if that is the same user's at the same address.
 */
export class SessionTls implements HandshakeParty {
  readonly ticketKeys: Buffer
  readonly lending: Lending
  readonly #options: SessionTlsOptions
  #lanes: HandshakeLanes
  // Most sessions need few of these: they are made when they do.
  #sessionIds: Map<string, Buffer> | undefined
  #supply: TicketSupply | undefined
  #purpose: Purpose = 'control'
  #lastFailure: Error | undefined
  /** Those of the host that the client has named. */
  #lanesOfHost: HandshakeLanes | undefined
  #clientCertificate: ClientCertificate | undefined
  /** Of the control connection. */
  #protocol: SecureChannel['protocol'] | undefined
  /** The connection whose handshake is under way, and whose session it would resume if not this one's. */
  #socket: Socket | undefined
  #lentBy: SessionTls | undefined
  #mayBegin = true
  #previous: Promise<void> | undefined
  #isBare = false

  constructor(options: SessionTlsOptions) {
    this.#options = options
    this.lending = new Lending(options.member, options.kin)
    this.#lanes = options.lanes ?? new HandshakeLanes(options)
    this.ticketKeys = this.#lanes.newTicketKeys()
  }

  /** The session that it is for. */
  get member(): Member | undefined {
    return this.#options.member
  }

  get sessionIds(): Map<string, Buffer> {
    this.#sessionIds ??= new Map()
    return this.#sessionIds
  }

  get mayBegin(): boolean {
    return this.#mayBegin
  }

  /** Where bare connections can be secured: whether all of the session are, is decided by the control connection. */
  get openssl(): OpenSsl | undefined {
    return this.#options.openssl
  }

  /** Whether its connections have no sockets: all are secured by OpenSSL itself, as a TLS session that began by one way is none to the other. */
  get isBare(): boolean {
    return this.#isBare
  }

  /** By which OpenSSL knows the TLS sessions that began here, where it is called directly. */
  get sessionContext(): Buffer {
    return this.ticketKeys.subarray(0, sessionContextBytes)
  }

  keysOfOther(name: Buffer): Buffer | undefined {
    return this.#borrow(({ ticketKeys }) => (nameOf(ticketKeys).equals(name) ? ticketKeys : undefined))
  }

  sessionOfOther(id: string): Buffer | undefined {
    return this.#borrow(({ sessionIds }) => sessionIds.get(id))
  }

  selectProtocol(offered: readonly string[]): string | undefined {
    return protocolOf(this.#purpose, offered)
  }

  /** Its certificate, if it is not that of before. */
  contextOfHost(openssl: OpenSsl): TlsContext | undefined {
    return this.#lanesOfHost === this.#lanes ? undefined : this.#lanesOfHost?.openSslContext(openssl, 'any host')
  }

  mayName(host: string): boolean {
    if (this.#purpose !== 'control' || this.isServed(host)) return true
    // Node would only close the connection; so far nothing was said, and an alert is in clear text.
    this.#socket?.write(unrecognizedName)
    return false
  }

  contextOf(): SecureContext | undefined {
    if (this.#purpose !== 'control' || this.#lanesOfHost === this.#lanes) return undefined
    return this.#lanesOfHost?.context
  }

  onFailure(error: Error): void {
    this.#lastFailure = error
  }

  /** Does the handshake of the control connection, on a paused socket, read by `input` if there is one. Rejects with TlsError, with the socket destroyed. */
  async secureControl(socket: Socket, signal: AbortSignal, input?: WireInput): Promise<SecureChannel> {
    const channel = await this.#enqueue(socket, 'control', signal, input)
    this.#protocol = channel.protocol
    if (channel.protocol === 'TLSv1.2') this.#rememberSession(channel.stream.getSession())
    this.#lanes = this.#lanesOfHost ?? this.#lanes
    this.#clientCertificate = channel.clientCertificate
    return channel
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
    return this.#enqueue(socket, direction, signal, undefined, demand)
  }

  /** The same for a bare connection, with it closed where it fails. All connections of the session have to be bare then. */
  async secureBareControl(bare: BareConnection, signal: AbortSignal): Promise<TlsConnection> {
    const connection = await this.#handshakeBare(bare, 'control', signal, undefined, 'none')
    this.#protocol = connection.protocol
    this.#lanes = this.#lanesOfHost ?? this.#lanes
    this.#clientCertificate = connection.clientCertificate
    return connection
  }

  /** `early` is what was read of it before. To `receive`, new tickets are left to whoever reads. */
  secureBareData(
    bare: BareConnection,
    signal: AbortSignal,
    direction: 'send' | 'receive',
    { early, demand }: { readonly early?: Buffer | undefined; readonly demand: Demand },
  ): Promise<TlsConnection> {
    return this.#handshakeBare(bare, direction, signal, early, demand)
  }

  get handshakeTimeoutMilliseconds(): number {
    return this.#options.handshakeTimeoutSeconds * 1000
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
    return this.lending.proves(channel, signal, patienceMilliseconds)
  }

  /** Whether the client has resumed on a data connection before, with as good a chance to as it has now. */
  get resumptionExpected(): boolean {
    // The session that it got last may be of a control connection that is closed by now.
    return !this.lending.mixes && this.#supply?.hasServed === true
  }

  /** Whether what a client wants to resume by comes from this session. It may be a copy: only a handshake proves anything. */
  hasIssued(offer: { readonly tickets: readonly Buffer[]; readonly sessionId: Buffer }): boolean {
    return this.#isIn(offer) || this.lending.some(other => other.#isIn(offer))
  }

  /** Learns from a data connection that was accepted. */
  noteDataConnection(channel: Pick<SecureChannel, 'resumed' | 'protocol'>, direction: 'send' | 'receive'): void {
    this.#supply ??= new TicketSupply()
    this.#supply.note(channel, direction)
  }

  #isIn({ tickets, sessionId }: { readonly tickets: readonly Buffer[]; readonly sessionId: Buffer }): boolean {
    const name = nameOf(this.ticketKeys)
    if (tickets.some(ticket => name.equals(ticket.subarray(0, 16)))) return true
    const keys = this.#isBare ? this.openssl?.ticketKeys : undefined
    if (keys !== undefined && tickets.some(ticket => readTicket(ticket, keys)?.includes(this.sessionContext) === true))
      return true
    return this.#sessionIds?.has(sessionId.toString('hex')) === true
  }

  #borrow(find: (other: HandshakeParty) => Buffer | undefined): Buffer | undefined {
    if (this.#purpose === 'control') return undefined
    const loan = this.lending.find(find)
    if (loan !== undefined) this.#lentBy = loan.lender
    return loan?.found
  }

  // One handshake at a time: tls.Server does not say which of the streams it was given a connection came from.
  async #enqueue(
    socket: Socket,
    purpose: Purpose,
    signal: AbortSignal,
    input?: WireInput,
    demand: Demand = 'none',
  ): Promise<SecureChannel> {
    const begin = (): Promise<SecureChannel> => this.#handshake(socket, purpose, signal, input, demand)
    const handshake = this.#previous === undefined ? begin() : this.#previous.then(begin)
    // Without its result: a connection that was closed long ago would be kept in memory.
    const over = handshake.then(ignore, ignore)
    this.#previous = over
    try {
      return await handshake
    } finally {
      if (this.#previous === over) this.#previous = undefined
    }
  }

  async #handshake(
    socket: Socket,
    purpose: Purpose,
    signal: AbortSignal,
    input: WireInput | undefined,
    demand: Demand,
  ): Promise<SecureChannel> {
    const lanes = this.#lanes
    const lane = this.#takeLane(lanes, this.#kindOf(purpose), socket)
    const { server } = lane
    this.#purpose = purpose
    this.#socket = socket
    this.#lastFailure = undefined
    this.#lentBy = undefined
    this.#mayBegin = demand === 'none'
    const wire = purpose === 'send' ? undefined : new TlsWire(socket, purpose === 'control' ? 'control' : 'data', input)
    return shakeHands({
      server,
      stream: wire ?? socket,
      socket,
      signal,
      timeoutSeconds: this.#options.handshakeTimeoutSeconds,
      failure: () => this.#lastFailure,
      secured: stream => {
        const channel = new SecureChannel(stream, wire, socket)
        if (channel.resumed) this.#mayBegin = true
        if (channel.resumed && this.#lentBy !== undefined) this.lending.noteLender(channel, this.#lentBy)
        return channel
      },
      // In TLS 1.3 the tickets are made right after the event.
      afterwards: () => lanes.giveBack(lane),
    })
  }

  async #handshakeBare(
    bare: BareConnection,
    purpose: Purpose,
    signal: AbortSignal,
    early: Buffer | undefined,
    demand: Demand,
  ): Promise<TlsConnection> {
    this.#isBare = true
    const party = new BareParty(this, purpose, demand)
    const connection = await shakeHandsBare({
      context: this.#bareContext(bare, purpose),
      bare,
      party,
      early,
      tickets: ticketsOf[purpose],
      signal,
      timeoutSeconds: this.#options.handshakeTimeoutSeconds,
    })
    const { resumed } = connection
    if (resumed && party.lentBy !== undefined) this.lending.noteLender(connection, party.lentBy)
    const begun = resumed || !party.mayBegin ? undefined : connection.sessionWithId
    if (begun !== undefined) keepLast(this.sessionIds, begun.id, begun.session)
    return connection
  }

  #bareContext(bare: BareConnection, purpose: Purpose): TlsContext {
    const { openssl, settings, hosts } = this.#options
    if (openssl === undefined) throw new Error('OpenSSL is not to be had')
    const isNamed = purpose === 'control' && (settings.strictServerName || hosts !== undefined)
    try {
      return this.#lanes.openSslContext(openssl, isNamed ? 'named' : 'any host')
    } catch (cause) {
      bare.close()
      throw new TlsError('failed', unusableCertificate, { cause })
    }
  }

  #takeLane(lanes: HandshakeLanes, kind: HandshakeKind, socket: Socket): HandshakeLane {
    try {
      return lanes.take(this, kind)
    } catch (cause) {
      socket.destroy()
      throw new TlsError('failed', unusableCertificate, { cause })
    }
  }

  #kindOf(purpose: Purpose): HandshakeKind {
    const { settings, hosts } = this.#options
    if (purpose === 'control') return settings.strictServerName || hosts !== undefined ? 'named' : 'first'
    // Sessions belong to a version (RFC 8446 section 4.6.1), and those of TLS 1.3 have no IDs.
    return this.#protocol === 'TLSv1.3' ? 'resuming with tickets' : 'resuming'
  }

  /** curl resumes by session IDs only. */
  #rememberSession(session: Buffer | undefined): void {
    const id = session && sessionIdOf(session)
    if (session !== undefined && id !== undefined) this.sessionIds.set(id.toString('hex'), session)
  }

  /** RFC 7151 section 3.3: HOST and SNI must name the same host. Its certificate is taken from now on. */
  isServed(name: string): boolean {
    const { certificate, settings, hosts } = this.#options
    const host = hosts?.find(name)
    this.#lanesOfHost = host?.lanes
    if (hosts?.named !== undefined) return host?.name === hosts.named
    if (host !== undefined || !settings.strictServerName) return true
    return new X509Certificate(certificate.certificate).checkHost(name) !== undefined
  }
}

/** A fatal alert, unrecognized_name (RFC 8446 section 6.2, RFC 6066 section 3). */
const unrecognizedName = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70)

/** A client that receives reads to the end, in any case; one that commands waits for a reply. */
const ticketsOf = {
  control: 'with the first bytes',
  send: 'at once',
  receive: 'later',
} as const satisfies Record<Purpose, TlsConnectionOptions['tickets']>

const unusableCertificate = 'the certificate or its key cannot be used'

/** The longest that OpenSSL takes (SSL_MAX_SID_CTX_LENGTH). */
const sessionContextBytes = 32

/** RFC 5077 section 4: a ticket begins with the name of its key. */
function nameOf(ticketKeys: Buffer): Buffer {
  return ticketKeys.subarray(0, 16)
}

function ignore(): void {}
