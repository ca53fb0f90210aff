/** One connection under TLS by OpenSSL itself, on a bare connection: no socket, no stream. */
import { X509Certificate } from 'node:crypto'
import type { BareConnection } from '../../data/bare-connection.ts'
import type { ClientCertificate } from '../secure-channel.ts'
import { ssl as numbers, type Pointer } from './library.ts'
import type { OpenSsl, TlsParty } from './openssl.ts'
import type { TlsContext } from './tls-context.ts'

export type TlsConnectionOptions = {
  readonly context: TlsContext
  readonly bare: BareConnection
  readonly party: TlsParty
  /** What was read of the connection before. */
  readonly early?: Buffer | undefined
  /** Tickets of TLS 1.3 that the handshake ends with; one if it resumes a session. Who sends and closes without reading must be sent none. */
  readonly tickets: 'at once' | 'later'
}

/** A descriptor for threads, which is closed with the connection, and OpenSSL's name for it. */
export type OwnLine = { readonly bio: Pointer; readonly descriptor: number }

/** What has become of bytes that were to be sent: all are with the kernel, or some wait for room. */
export type Sent = 'sent' | 'waiting' | 'lost'

/**
 * What was read: bytes, or none yet. Nothing more comes after `end`, which is the client's word (close_notify); after `cut`, where its side
 * has ended without it; nor after `lost`.
 */
export type Read = number | 'nothing yet' | 'end' | 'cut' | 'lost'

/** Whoever has it closes it, and the bare connection, which it leaves open. */
export class TlsConnection {
  readonly bare: BareConnection
  readonly #openssl: OpenSsl
  readonly #party: TlsParty
  #ssl: Pointer
  /** Where a thread works with it, it is freed after that. */
  #state: 'open' | 'in a thread' | 'closing' | 'closed' = 'open'
  #reads: 'early' | 'connection' = 'connection'
  /** Reads many records in one call, where that was worth its while. */
  #many: Pointer = null
  /** Whether a thread waits for the client. */
  #patience: 'briefly' | undefined
  #sending: Promise<void> | undefined
  #waitingBytes = 0
  /** For threads. */
  #own: OwnLine | undefined
  #isLost = false
  #ended: Exclude<Read, number | 'nothing yet'> | undefined
  #failure = ''

  /** Throws where there is no memory, or the connection is closed. */
  constructor({ context, bare, party, early, tickets }: TlsConnectionOptions) {
    this.bare = bare
    this.#openssl = context.openssl
    this.#party = party
    const { library } = this.#openssl
    const { descriptor } = bare
    this.#ssl = descriptor === undefined ? null : context.newConnection()
    if (this.#ssl === null || descriptor === undefined) throw new Error('there is no connection')
    if (early !== undefined) this.#reads = 'early'
    library.SSL_set0_rbio(
      this.#ssl,
      there(early === undefined ? library.BIO_new_socket(descriptor, 0) : this.#holding(early)),
    )
    library.SSL_set0_wbio(this.#ssl, this.#openssl.shareOutput())
    library.SSL_set_accept_state(this.#ssl)
    library.SSL_set_session_id_context(this.#ssl, party.sessionContext, party.sessionContext.length)
    if (tickets === 'later') {
      library.SSL_set_num_tickets(this.#ssl, 0)
      // In place of two calls for each record.
      library.SSL_set_read_ahead(this.#ssl, 1)
      library.SSL_set_default_read_buffer_len(this.#ssl, readAheadBytes)
    }
  }

  /** Goes as far as what has come allows. */
  shakeHands(): 'done' | 'nothing yet' | 'failed' {
    if (this.#state !== 'open') return 'failed'
    const { library } = this.#openssl
    library.ERR_clear_error()
    const result = this.#openssl.callFor(this.#party, () => this.#withEarly(() => library.SSL_do_handshake(this.#ssl)))
    const waits = result !== 1 && this.#waitsForMore(result)
    if (result !== 1 && !waits) {
      const { code, message } = this.#openssl.takeError()
      this.#failure = isOpenSslError(code) && !isUnexpectedEnd(code) ? message : 'connection ended during the handshake'
    }
    // An alert may be among it.
    this.#send()
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
    const name = this.#state === 'closed' ? null : this.#openssl.library.SSL_get_servername(this.#ssl, 0)
    return name === null || name === '' ? undefined : name
  }

  /** The client's certificate, where one was asked for, given and found valid. */
  get clientCertificate(): ClientCertificate | undefined {
    if (this.#state === 'closed') return undefined
    const { library } = this.#openssl
    const certificate = library.SSL_get0_peer_certificate(this.#ssl)
    if (certificate === null || library.SSL_get_verify_result(this.#ssl) !== 0) return undefined
    const { subject, fingerprint } = describe(new X509Certificate(this.#encoded(library.i2d_X509, certificate)))
    return { commonName: subject, fingerprint }
  }

  /** The TLS session that it began, where it has an ID: that of TLS 1.2 without tickets. */
  get sessionWithId(): { readonly id: string; readonly session: Buffer } | undefined {
    if (this.#state === 'closed' || this.protocol !== 'TLSv1.2') return undefined
    const { library } = this.#openssl
    const session = library.SSL_get_session(this.#ssl)
    const length = new Uint32Array(1)
    const id = session === null ? null : library.SSL_SESSION_get_id(session, length)
    if (id === null || length[0] === undefined || length[0] === 0) return undefined
    const name = Buffer.from(library.memory(id, length[0])).toString('hex')
    return { id: name, session: this.#encoded(library.i2d_SSL_SESSION, session) }
  }

  /** The contents of one record, as a rule, of what has come. */
  read(into: Uint8Array): Read {
    if (this.#ended !== undefined) return this.#ended
    if (this.#state !== 'open') return 'lost'
    const { library } = this.#openssl
    return this.#readBy(() => this.#withEarly(() => library.SSL_read(this.#ssl, into, into.length)), 1)
  }

  /** The contents of as many records as there are and have room, by one call: for data connections, which are read to their end. */
  readAll(into: Uint8Array): Read {
    if (this.#ended !== undefined || this.#state !== 'open' || this.#reads === 'early') return this.read(into)
    const { library } = this.#openssl
    if (this.#many === null) this.#many = this.#manyRecords()
    return this.#readBy(() => library.BIO_read(this.#many, into, into.length), into.length)
  }

  /** A call that gives less than all has met the end, or nothing more has come. */
  #readBy(call: () => number, all: number): Read {
    this.#openssl.library.ERR_clear_error()
    const count = call()
    if (count < all && !this.#waitsForMore(Math.min(count, 0))) this.#ended = this.#whyEnded()
    // To refuse a renegotiation, to update keys, or for an alert: TLS has answered by itself.
    this.#send()
    // A client that makes it answer, and reads nothing, is up to no good.
    if (this.#waitingBytes > longestWaitingAnswers) return (this.#ended = this.#lose())
    if (count <= 0) return this.#ended ?? 'nothing yet'
    this.bare.noteActivity()
    return count
  }

  /** How the input has ended, once it has; what a thread has read tells it as well. */
  get ended(): Exclude<Read, number | 'nothing yet'> | undefined {
    return this.#ended
  }

  /** Whether bytes are here that were received and not read yet: nothing will tell of them again. */
  get hasUnread(): boolean {
    return this.#state === 'open' && this.#openssl.library.SSL_pending(this.#ssl) > 0
  }

  /** Whether what has come ends within a record: then something is missing, whatever the client meant. */
  get endsWithinRecord(): boolean {
    if (this.#state !== 'open' || this.#ended === 'end') return false
    const { library } = this.#openssl
    return library.SSL_has_pending(this.#ssl) === 1 || library.SSL_rstate_string(this.#ssl) === 'RB'
  }

  /** Encrypts all bytes and sends them. What has no room waits, and `untilSent` with it: send nothing more before. */
  write(bytes: Uint8Array): Sent {
    if (this.#state !== 'open' || this.#isLost) return 'lost'
    if (bytes.length === 0) return this.#send()
    const taken = this.#openssl.library.SSL_write(this.#ssl, bytes, bytes.length)
    const sent = this.#send()
    // Memory always has room: it takes all, or TLS has failed.
    return taken === bytes.length ? sent : this.#lose()
  }

  /** Whether a piece can be written in a thread now. */
  get threadIsFree(): boolean {
    return this.#state === 'open' && !this.#isLost && this.#sending === undefined && this.#openssl.threads.areFree
  }

  /** The same as `write` in a thread that is free, and for any number of bytes: leave them alone, and the connection, until it has settled. */
  async writeInThread(bytes: Uint8Array): Promise<Sent> {
    const { threads } = this.#openssl
    const sent = await this.inThread((ssl, own) => threads.write({ ssl, ...own, bytes, waiting: this.#patience }))
    if (sent === 'lost' || this.#state !== 'open') return this.#lose()
    if (sent === 'sent') {
      this.#patience = 'briefly'
      this.bare.noteActivity()
      return sent
    }
    // The client has to read first, which is waited for without a thread: it goes on where it was.
    const waited = performance.now()
    const rest = this.write(bytes)
    await this.untilSent()
    this.#patience = performance.now() - waited < soonMilliseconds ? 'briefly' : undefined
    return rest === 'lost' ? rest : 'sent'
  }

  /** Sends a new ticket, or two after a handshake that resumed nothing: for clients that have said all they had to. Nothing in TLS 1.2. */
  sendTickets(): Sent {
    if (this.#state !== 'open' || this.#isLost) return 'lost'
    const { library } = this.#openssl
    const count = this.resumed ? 1 : ticketsOfFullHandshake
    for (let made = 0; made < count; made += 1) library.SSL_new_session_ticket(this.#ssl)
    library.SSL_do_handshake(this.#ssl)
    library.ERR_clear_error()
    return this.#send()
  }

  /** Says that our side is complete (close_notify), in one packet with the last bytes. What comes is read one record at a time from now on. */
  writeEnd(bytes: Uint8Array = nothing): Sent {
    if (this.#state !== 'open' || this.#isLost) return 'lost'
    const { library } = this.#openssl
    const taken = bytes.length === 0 ? 0 : library.SSL_write(this.#ssl, bytes, bytes.length)
    library.SSL_shutdown(this.#ssl)
    library.ERR_clear_error()
    library.SSL_ctrl(this.#ssl, numbers.ctrl.clearMode, numbers.mode.autoRetry, null)
    const sent = this.#send()
    return taken === bytes.length ? sent : this.#lose()
  }

  /** Resolves once the kernel has all that was to be sent. Rejects when the connection is lost. */
  untilSent(): Promise<void> {
    return this.#sending ?? (this.#isLost ? Promise.reject(new Error('connection lost')) : Promise.resolve())
  }

  /** Has a thread work with it, on the connection itself: nothing else may, until that is over. Only for calls that call nothing back. */
  async inThread<Result>(work: (ssl: Pointer, own: OwnLine) => Promise<Result>): Promise<Result> {
    if (this.#state !== 'open' || this.#sending !== undefined) throw new Error('the connection is closed, or at work')
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
    if (this.#many !== null) this.#openssl.library.BIO_free_all(this.#many)
    this.#openssl.library.SSL_free(this.#ssl)
    this.#ssl = null
  }

  /** By a descriptor of its own, which is closed with it: the number of the other may be another connection's while a thread works. */
  #makeOwn(): OwnLine {
    const { library } = this.#openssl
    const descriptor = this.bare.duplicate()
    if (descriptor === undefined) throw new Error('there is no connection')
    const bio = there(library.BIO_new_socket(descriptor, 1))
    library.SSL_set0_rbio(this.#ssl, bio)
    return { bio, descriptor }
  }

  /** Loops over SSL_read until there is no room, or nothing more has come. */
  #manyRecords(): Pointer {
    const { library } = this.#openssl
    const records = there(library.BIO_new(library.BIO_f_ssl()))
    library.BIO_ctrl(records, setConnection, 0, this.#ssl)
    return library.BIO_push(there(library.BIO_new(library.BIO_f_buffer())), records)
  }

  /** What was read before comes first. */
  #withEarly(call: () => number): number {
    const result = call()
    const { library } = this.#openssl
    if (this.#reads === 'connection' || result > 0 || !this.#waitsForMore(result)) return result
    const { descriptor } = this.bare
    if (descriptor === undefined) return result
    this.#reads = 'connection'
    library.SSL_set0_rbio(this.#ssl, there(library.BIO_new_socket(descriptor, 0)))
    return call()
  }

  #holding(bytes: Buffer): Pointer {
    const { library } = this.#openssl
    const bio = there(library.BIO_new(library.BIO_s_mem()))
    library.BIO_write(bio, bytes, bytes.length)
    return bio
  }

  /** After a call that came to nothing, before which there were no errors. */
  #waitsForMore(result: number): boolean {
    return this.#openssl.library.SSL_get_error(this.#ssl, result) === numbers.error.wantsRead
  }

  #whyEnded(): Exclude<Read, number | 'nothing yet'> {
    const { library } = this.#openssl
    if ((library.SSL_get_shutdown(this.#ssl) & numbers.shutdown.received) !== 0) {
      library.ERR_clear_error()
      return 'end'
    }
    const { code, message } = this.#openssl.takeError()
    this.#failure = message
    return isUnexpectedEnd(code) ? 'cut' : this.#lose()
  }

  /** What OpenSSL has written goes to the kernel, which most often takes it at once. */
  #send(): Sent {
    const { output } = this.#openssl
    for (let count = this.#openssl.takeOutput(); count > 0; count = this.#openssl.takeOutput()) {
      if (this.#isLost) continue
      const taken = this.#sending === undefined ? this.bare.send(output.subarray(0, count), 'nothing') : 0
      if (taken < count) this.#sendLater(Buffer.from(output.subarray(taken, count)))
    }
    if (this.#isLost) return 'lost'
    return this.#sending === undefined ? 'sent' : 'waiting'
  }

  #sendLater(rest: Buffer): void {
    const before = this.#sending
    const sending = before === undefined ? this.bare.sendRest(rest) : before.then(() => this.bare.sendRest(rest))
    this.#sending = sending
    this.#waitingBytes += rest.length
    void this.#noteSent(sending, rest.length)
  }

  async #noteSent(sending: Promise<void>, count: number): Promise<void> {
    try {
      await sending
    } catch {
      this.#lose()
    }
    this.#waitingBytes -= count
    if (this.#sending === sending) this.#sending = undefined
  }

  #lose(): 'lost' {
    this.#isLost = true
    return 'lost'
  }

  /** DER. */
  #encoded(encode: (...values: readonly unknown[]) => number, thing: Pointer): Buffer {
    const bytes = Buffer.allocUnsafeSlow(Math.max(1, encode(thing, null)))
    encode(thing, BigUint64Array.of(this.#openssl.library.address(bytes)))
    return bytes
  }
}

/** Answers that TLS gives by itself have a few bytes each. */
const longestWaitingAnswers = 65_536 * 2

/** Throws where there is no memory for it. */
function there(bio: Pointer): Pointer {
  if (bio === null) throw new Error('there is no memory for TLS')
  return bio
}

const nothing = new Uint8Array(0)

const ticketsOfFullHandshake = 2

/** More is not faster: it would be new memory again and again. */
const readAheadBytes = 65_536

/** A client that has room again as soon as this is worth waiting for in a thread. */
const soonMilliseconds = 10

// openssl/bio.h: BIO_C_SET_SSL
const setConnection = 109

function describe(certificate: X509Certificate): { readonly subject: string; readonly fingerprint: string } {
  const name: string | string[] | undefined = certificate.toLegacyObject().subject.CN
  return { subject: (Array.isArray(name) ? name[0] : name) ?? '', fingerprint: certificate.fingerprint256 }
}

// openssl/err.h, sslerr.h: those of the system have the highest bit of 32; others the library's number above 23 bits of reason.
const systemError = 0x80000000
const sslLibrary = 20
const unexpectedEnd = 294

function isOpenSslError(code: number): boolean {
  return code !== 0 && code < systemError
}

function isUnexpectedEnd(code: number): boolean {
  return isOpenSslError(code) && Math.floor(code / 0x800000) === sslLibrary && code % 0x800000 === unexpectedEnd
}
