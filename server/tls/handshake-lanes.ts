/** Node's TLS servers, each lent to one handshake at a time: to make one costs more than ten handshakes, and 50 KiB. */
import { constants, randomBytes, randomFillSync } from 'node:crypto'
import tls from 'node:tls'
import type { CertificateFiles } from '../config/configuration.ts'
import { type HandshakeOptions, sessionTimeoutSeconds } from './handshake.ts'
import type { OpenSsl } from './openssl/openssl.ts'
import { TlsContext } from './openssl/tls-context.ts'
import { renewTickets } from './ticket-renewal.ts'

/** The session that a handshake is done for: it can resume what it began, and what those have begun that it vouches for. */
export interface HandshakeParty {
  /** 48 bytes. */
  readonly ticketKeys: Buffer
  /** Whether its handshake begins what may be resumed later: not where it has to resume something itself, and has not. */
  readonly mayBegin: boolean
  /** What others have made. */
  keysOfOther(name: Buffer): Buffer | undefined
  /** What a session ID of TLS 1.2 stands for: its own, or of another one. */
  sessionWithId(id: string): Buffer | undefined
  keepSession(id: string, session: Buffer): void
  selectProtocol(offered: readonly string[]): string | undefined
  /** Whether a client that names this host may go on. */
  mayName(host: string): boolean
  /** The context to go on with for a host that may be named; that of the lane if undefined. */
  contextOf(host: string): tls.SecureContext | undefined
  onFailure(error: Error): void
}

const ticketKeysBytes = 48
const keysAtOnce = 64

/** More handshakes of a kind than these at a time are rare enough to pay for their own. */
const maxIdleLanes = 16

/**
 * What a handshake needs beside OpenSSL: each question to JavaScript costs time. `first` is that of a control connection, which can
 * resume nothing, and `named` the same where the name matters that the client gives the server; the others are for data connections.
 */
export type HandshakeKind = 'first' | 'named' | 'resuming with tickets' | 'resuming'

/** All lanes of one certificate with the same settings. Nothing to close. */
export class HandshakeLanes {
  readonly #options: HandshakeOptions
  readonly #idle = new Map<HandshakeKind, HandshakeLane[]>()
  #context: tls.SecureContext | undefined
  #openSslContexts: Map<'named' | 'any host', TlsContext> | undefined
  /** Keys of sessions to come: one piece of memory for many costs each less than a third of one of its own. */
  #keys = Buffer.alloc(0)
  #keysTaken = 0

  constructor(options: HandshakeOptions) {
    this.#options = options
  }

  /** Those of a session, which nobody else has. */
  newTicketKeys(): Buffer {
    if (this.#keysTaken === this.#keys.length) {
      this.#keys = randomFillSync(Buffer.allocUnsafeSlow(ticketKeysBytes * keysAtOnce))
      this.#keysTaken = 0
    }
    this.#keysTaken += ticketKeysBytes
    return this.#keys.subarray(this.#keysTaken - ticketKeysBytes, this.#keysTaken)
  }

  /** Whether these are the lanes for the options. */
  serve({ certificate, settings, handshakeTimeoutSeconds }: HandshakeOptions): boolean {
    const own = this.#options
    return (
      own.certificate === certificate &&
      own.settings === settings &&
      own.handshakeTimeoutSeconds === handshakeTimeoutSeconds
    )
  }

  /** The certificate for a handshake that began on a lane of another one: the client has named a host (SNI). Throws as `take` does. */
  get context(): tls.SecureContext {
    const { certificate, settings } = this.#options
    this.#context ??= tls.createSecureContext({ ...contextOptions(certificate), minVersion: settings.minVersion })
    return this.#context
  }

  /** The same for OpenSSL itself, with or without regard to the host that is named. Throws as well. */
  openSslContext(openssl: OpenSsl, kind: 'named' | 'any host'): TlsContext {
    const known = this.#openSslContexts?.get(kind)
    if (known !== undefined) return known
    const { certificate, settings } = this.#options
    const context = new TlsContext(openssl, { certificate, settings, named: kind === 'named' })
    this.#openSslContexts ??= new Map()
    this.#openSslContexts.set(kind, context)
    return context
  }

  /** A lane for one handshake. Throws if the certificate or its key cannot be used. */
  take(party: HandshakeParty, kind: HandshakeKind): HandshakeLane {
    const lane = this.#idle.get(kind)?.pop() ?? new HandshakeLane(this.#options, kind)
    lane.lend(party)
    return lane
  }

  /** After a handshake that succeeded. A lane of one that failed is not given back: Node may tell of the failure later still. */
  giveBack(lane: HandshakeLane): void {
    lane.lend(undefined)
    const idle = this.#idle.get(lane.kind)
    if (idle === undefined) this.#idle.set(lane.kind, [lane])
    else if (idle.length < maxIdleLanes) idle.push(lane)
  }
}

function contextOptions({ certificate, key, authority }: CertificateFiles) {
  return {
    cert: certificate,
    key,
    ...(authority === undefined ? {} : { ca: authority }),
    // The same for all lanes, as a session resumes on another one than it began on: the keys are what tells sessions apart.
    sessionIdContext: 'ftp',
  }
}

export class HandshakeLane {
  readonly kind: HandshakeKind
  readonly server: tls.Server
  readonly #renewsTickets: boolean
  /** Keys that nobody has. */
  readonly #nobodysKeys = randomBytes(ticketKeysBytes)
  #party: HandshakeParty | undefined

  constructor({ certificate, settings, handshakeTimeoutSeconds }: HandshakeOptions, kind: HandshakeKind) {
    this.kind = kind
    this.server = tls.createServer({
      ...contextOptions(certificate),
      requestCert: settings.clientCertificates !== 'off',
      rejectUnauthorized: settings.clientCertificates === 'required',
      minVersion: settings.minVersion,
      // Of those of TLS 1.3 the one with the shorter key first, which every implementation has (RFC 8446 section 9.1): large transfers cost less.
      ciphers: `TLS_AES_128_GCM_SHA256:${tls.DEFAULT_CIPHERS}`,
      sessionTimeout: sessionTimeoutSeconds,
      // A handshake within a session of TLS 1.2 would come when the lane is somebody else's.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      handshakeTimeout: handshakeTimeoutSeconds * 1000,
      ALPNCallback: ({ protocols }) => this.#party?.selectProtocol(protocols),
      ...(kind === 'named' ? { SNICallback: this.#chooseContext } : {}),
    })
    this.server.on('tlsClientError', error => this.#party?.onFailure(error))
    if (kind === 'resuming') this.#cacheSessionIds()
    // Nothing is renewed by a first handshake, and OpenSSL makes its tickets alone.
    this.#renewsTickets =
      kind.startsWith('resuming') &&
      renewTickets(
        this.server,
        use => this.#ticketKeys(use),
        name => this.#party?.keysOfOther(name),
        // The tickets of TLS 1.2, which serve more than once, are made before it is known whether a session was resumed.
        () => kind === 'resuming with tickets' || this.#party?.mayBegin === true,
      )
  }

  lend(party: HandshakeParty | undefined): void {
    this.#party = party
    if (!this.#renewsTickets) this.server.setTicketKeys(this.#ticketKeys('read'))
  }

  #ticketKeys(use: 'make' | 'read'): Buffer {
    const party = use === 'make' && this.#party?.mayBegin === false ? undefined : this.#party
    return party?.ticketKeys ?? this.#nobodysKeys
  }

  readonly #chooseContext = (host: string, done: (error: Error | null, context?: tls.SecureContext) => void): void => {
    if (this.#party?.mayName(host) === true) done(null, this.#party.contextOf(host))
    else done(new Error('the client names a host that the certificate does not cover'))
  }

  /** curl resumes by session IDs only. */
  #cacheSessionIds(): void {
    this.server.on('newSession', (id, data, done) => {
      if (this.#party?.mayBegin === true) this.#party.keepSession(id.toString('hex'), data)
      done()
    })
    this.server.on('resumeSession', (id, done) => done(null, this.#party?.sessionWithId(id.toString('hex'))))
  }
}
