/** One connection under TLS by OpenSSL itself, on a bare connection: no socket, no stream. */
import type { BareConnection } from '../../data/bare-connection.ts'
import type { ClientCertificate } from '../secure-channel.ts'
import { ticketsOfFullHandshake } from '../ticket-supply.ts'
import { isOpenSslError, isUnexpectedEnd } from './errors.ts'
import { ssl as numbers, type Pointer } from './library.ts'
import type { OpenSsl, TlsParty } from './openssl.ts'
import { type OwnLine, ownLineOf } from './own-line.ts'
import { type End, type Read, Receiving } from './receiving.ts'
import { Sending, type Sent } from './sending.ts'
import type { TlsContext } from './tls-context.ts'
import { clientCertificateOf, type SessionWithId, sessionWithIdOf } from './tls-facts.ts'
import type { ThreadSending } from './tls-threads.ts'

export type TlsConnectionOptions = {
  readonly context: TlsContext
  readonly bare: BareConnection
  readonly party: TlsParty
  /** What was read of the connection before. */
  readonly early?: Buffer | undefined
  /**
   * When tickets of TLS 1.3 are sent: at the end of the handshake, in one packet with the first bytes, or by `sendTickets`. Who sends and
   * closes without reading must be sent none.
   */
  readonly tickets: 'at once' | 'with the first bytes' | 'later'
}

export type FileSending = Pick<ThreadSending, 'file' | 'position' | 'bytes' | 'waiting'>

/** Whoever has it closes it, and the bare connection, which it leaves open. Nothing is asked of OpenSSL for a connection but through it, while it is open. */
export class TlsConnection {
  readonly bare: BareConnection
  readonly #openssl: OpenSsl
  readonly #party: TlsParty
  #ssl: Pointer
  /** Where a thread works with it, it is freed after that. */
  #state: 'open' | 'in a thread' | 'closing' | 'closed' = 'open'
  readonly #sending: Sending
  readonly #receiving: Receiving
  /** For threads. */
  #own: OwnLine | undefined
  #owesTickets: boolean
  #failure = ''

  /** Throws where there is no memory, or the connection is closed. */
  constructor({ context, bare, party, early, tickets }: TlsConnectionOptions) {
    this.bare = bare
    this.#openssl = context.openssl
    this.#party = party
    this.#sending = new Sending(bare, context.openssl)
    const { library } = this.#openssl
    this.#ssl = bare.descriptor === undefined ? null : context.newConnection()
    if (this.#ssl === null) throw new Error('there is no connection')
    this.#receiving = new Receiving({ ssl: this.#ssl, openssl: this.#openssl, bare, sending: this.#sending, early })
    library.SSL_set0_wbio(this.#ssl, this.#openssl.shareOutput())
    library.SSL_set_accept_state(this.#ssl)
    library.SSL_set_session_id_context(this.#ssl, party.sessionContext, party.sessionContext.length)
    if (tickets !== 'at once') library.SSL_set_num_tickets(this.#ssl, 0)
    this.#owesTickets = tickets === 'with the first bytes'
    if (tickets === 'later') this.#receiving.readAhead()
  }

  /** Goes as far as what has come allows. */
  shakeHands(): 'done' | 'nothing yet' | 'failed' {
    if (this.#state !== 'open') return 'failed'
    const { library } = this.#openssl
    library.ERR_clear_error()
    const result = this.#openssl.callFor(this.#party, () =>
      this.#receiving.withEarly(() => library.SSL_do_handshake(this.#ssl)),
    )
    const waits = result !== 1 && this.#receiving.waitsForMore(result)
    if (result !== 1 && !waits) {
      const { code, message } = this.#openssl.takeError()
      this.#failure = isOpenSslError(code) && !isUnexpectedEnd(code) ? message : 'connection ended during the handshake'
    }
    // An alert may be among it.
    this.#sending.send()
    if (result === 1) return 'done'
    return waits ? 'nothing yet' : 'failed'
  }

  /** Why the handshake has failed. */
  get failure(): string {
    return this.#failure
  }

  get protocol(): 'TLSv1.2' | 'TLSv1.3' {
    const version = this.#state === 'closed' ? 0 : this.#openssl.library.SSL_version(this.#ssl)
    return version === numbers.version['TLSv1.2'] ? 'TLSv1.2' : 'TLSv1.3'
  }

  /** Whether the handshake resumed a TLS session of the same control connection, or of another one of the same user. */
  get resumed(): boolean {
    return this.#state !== 'closed' && this.#openssl.library.SSL_session_reused(this.#ssl) === 1
  }

  /** The host that the client has named in the handshake (SNI). */
  get serverName(): string | undefined {
    return (this.#state !== 'closed' && this.#openssl.library.SSL_get_servername(this.#ssl, 0)) || undefined
  }

  /** The client's certificate, where one was asked for, given and found valid. */
  get clientCertificate(): ClientCertificate | undefined {
    return this.#state === 'closed' ? undefined : clientCertificateOf(this.#openssl.library, this.#ssl)
  }

  /** The TLS session that it began, where it has an ID. */
  get sessionWithId(): SessionWithId | undefined {
    return this.#state === 'closed' ? undefined : sessionWithIdOf(this.#openssl.library, this.#ssl)
  }

  /** The contents of one record, as a rule, of what has come. */
  read(into: Uint8Array): Read {
    return this.ended ?? (this.#state === 'open' ? this.#receiving.read(into) : 'lost')
  }

  /** Of as many records as there are and have room, by one call, for data connections. 0 after a record that has none: ask again, but not for ever. */
  readAll(into: Uint8Array): Read {
    return this.ended ?? (this.#state === 'open' ? this.#receiving.readAll(into) : 'lost')
  }

  /** How the input has ended, once it has. */
  get ended(): End | undefined {
    return this.#receiving.ended
  }

  /** Whether bytes are here that were received and not read yet: nothing will tell of them again. */
  get hasUnread(): boolean {
    return this.#state === 'open' && this.#openssl.library.SSL_pending(this.#ssl) > 0
  }

  /** Whether what has come ends within a record: then something is missing, whatever the client meant. */
  get endsWithinRecord(): boolean {
    if (this.#state !== 'open' || this.ended === 'end') return false
    const { library } = this.#openssl
    return library.SSL_has_pending(this.#ssl) === 1 || library.SSL_rstate_string(this.#ssl) === 'RB'
  }

  /** Encrypts all bytes and sends them. What has no room waits, and `untilSent` with it: send nothing more before. They may wait for `more`. */
  write(bytes: Uint8Array, then: 'more' | 'nothing' = 'nothing'): Sent {
    if (this.#state !== 'open' || this.#sending.isLost) return 'lost'
    if (bytes.length === 0) return this.#sending.send()
    if (this.#owesTickets) this.#makeTickets()
    const taken = this.#openssl.library.SSL_write(this.#ssl, bytes, bytes.length)
    const sent = this.#sending.send(then)
    // Memory always has room: it takes all, or TLS has failed.
    return taken === bytes.length ? sent : this.#sending.lose()
  }

  /**
   * Has a thread send up to so many bytes of a file, if one is free. Resolves to how many; where that is fewer, the next 64 KiB have to be
   * written in the usual way, which tells why.
   */
  async sendFile({ file, position, bytes, waiting }: FileSending): Promise<number> {
    const { threads } = this.#openssl
    const isFree = this.#state === 'open' && !this.#sending.isLost && !this.#sending.isWaiting
    const thread = isFree ? threads.take() : undefined
    if (thread === undefined) return 0
    const sent = await this.inThread((ssl, { descriptor }) => {
      if (ssl === null) return Promise.resolve(0)
      return threads.send(thread, { ssl, file, position, bytes, waiting, connection: descriptor })
    })
    if (sent > 0) this.bare.noteActivity()
    return sent
  }

  /** Sends a new ticket, or two after a handshake that resumed nothing: for clients that have said all they had to. Nothing in TLS 1.2. */
  sendTickets(): Sent {
    if (this.#state !== 'open' || this.#sending.isLost) return 'lost'
    const { library } = this.#openssl
    this.#makeTickets()
    library.SSL_do_handshake(this.#ssl)
    library.ERR_clear_error()
    return this.#sending.send()
  }

  /** Says that our side is complete (close_notify), in one packet with the last bytes, and with the end of the bare connection, where that is `more`. */
  writeEnd(bytes: Uint8Array = nothing, then: 'more' | 'nothing' = 'nothing'): Sent {
    if (this.#state !== 'open' || this.#sending.isLost) return 'lost'
    const { library } = this.#openssl
    const taken = bytes.length === 0 ? 0 : library.SSL_write(this.#ssl, bytes, bytes.length)
    library.SSL_shutdown(this.#ssl)
    library.ERR_clear_error()
    const sent = this.#sending.send(then)
    return taken === bytes.length ? sent : this.#sending.lose()
  }

  /** Resolves once the kernel has all that was to be sent. Rejects when the connection is lost. */
  untilSent(): Promise<void> {
    return this.#sending.done()
  }

  /** Has a thread work with it, on the connection itself: nothing else may, until that is over. Only for calls that call nothing back. */
  async inThread<Result>(work: (ssl: Pointer, own: OwnLine) => Promise<Result>): Promise<Result> {
    if (this.#state !== 'open' || this.#sending.isWaiting) throw new Error('the connection is closed, or at work')
    const { library } = this.#openssl
    const own = (this.#own ??= this.#makeOwn())
    library.BIO_up_ref(own.bio)
    library.SSL_set0_wbio(this.#ssl, own.bio)
    this.#state = 'in a thread'
    try {
      return await work(this.#ssl, own)
    } finally {
      library.SSL_set0_wbio(this.#ssl, this.#openssl.shareOutput())
      // It may have been closed meanwhile.
      if (this.#isClosing) this.#free()
      else this.#state = 'open'
    }
  }

  /** Frees it, as soon as no thread works with it any more. Say the end before, and close the bare connection after. */
  close(): void {
    if (this.#state === 'open') this.#free()
    else if (this.#state === 'in a thread') {
      this.#state = 'closing'
      if (this.#own !== undefined) this.#openssl.threads.stop(this.#own.descriptor)
    }
  }

  get #isClosing(): boolean {
    return this.#state === 'closing'
  }

  #free(): void {
    this.#state = 'closed'
    const { library } = this.#openssl
    // BIO_f_ssl would say the end once more, and where the next connection writes.
    library.SSL_set_quiet_shutdown(this.#ssl, 1)
    this.#receiving.close()
    library.SSL_free(this.#ssl)
    this.#ssl = null
  }

  /** OpenSSL sends them ahead of what it is given next. */
  #makeTickets(): void {
    this.#owesTickets = false
    const count = this.resumed ? 1 : ticketsOfFullHandshake
    for (let made = 0; made < count; made += 1) this.#openssl.library.SSL_new_session_ticket(this.#ssl)
  }

  #makeOwn(): OwnLine {
    const own = ownLineOf(this.#openssl.library, this.bare)
    this.#receiving.readFrom(own.bio)
    return own
  }
}

const nothing = new Uint8Array(0)
