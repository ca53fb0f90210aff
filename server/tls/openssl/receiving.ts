/** What OpenSSL reads of one connection, and how that ends. */
import type { BareConnection } from '../../data/bare-connection.ts'
import { isUnexpectedEnd, there } from './errors.ts'
import { ssl as numbers, type Pointer } from './library.ts'
import type { OpenSsl } from './openssl.ts'
import type { Sending } from './sending.ts'

/**
 * What was read: bytes, or none yet. Nothing more comes after `end`, which is the client's word (close_notify); after `cut`, where its side
 * has ended without it; nor after `lost`.
 */
export type Read = number | 'nothing yet' | End

export type End = 'end' | 'cut' | 'lost'

/** More is not faster: it would be new memory again and again. */
const readAheadBytes = 32_768

export type ReceivingOptions = {
  readonly ssl: Pointer
  readonly openssl: OpenSsl
  readonly bare: BareConnection
  /** For what reading makes TLS say. */
  readonly sending: Sending
  /** What was read of the connection before. */
  readonly early: Buffer | undefined
}

/** Of a connection that is open: whoever has both tells it when to stop. */
export class Receiving {
  readonly #openssl: OpenSsl
  readonly #bare: BareConnection
  readonly #sending: Sending
  readonly #ssl: Pointer
  #reads: 'early' | 'connection' = 'connection'
  /** Reads many records in one call, where that was worth its while. */
  #many: Pointer = null
  /** What it reads from, once there is nothing that was read before. */
  #input: Pointer = null
  #ended: End | undefined

  /** Throws where there is no memory, or the connection is closed. */
  constructor({ ssl, openssl, bare, sending, early }: ReceivingOptions) {
    this.#ssl = ssl
    this.#openssl = openssl
    this.#bare = bare
    this.#sending = sending
    if (early === undefined) this.#readConnection()
    else {
      this.#reads = 'early'
      openssl.library.SSL_set0_rbio(ssl, this.#holding(early))
    }
  }

  /** Has OpenSSL read beyond a record, in place of two calls for each. */
  readAhead(): void {
    const { library } = this.#openssl
    library.SSL_set_read_ahead(this.#ssl, 1)
    library.SSL_set_default_read_buffer_len(this.#ssl, readAheadBytes)
  }

  /** From now on by this one. */
  readFrom(bio: Pointer): void {
    this.#input = bio
    this.#openssl.library.SSL_set0_rbio(this.#ssl, bio)
  }

  /** How the input has ended, once it has. */
  get ended(): End | undefined {
    return this.#ended
  }

  /** The contents of one record, as a rule, of what has come. */
  read(into: Uint8Array): Read {
    const { library } = this.#openssl
    return this.#readBy(() => this.withEarly(() => library.SSL_read(this.#ssl, into, into.length)), 1)
  }

  /** Of as many records as there are and have room, by one call. 0 after a record that has none. */
  readAll(into: Uint8Array): Read {
    if (this.#reads === 'early') return this.read(into)
    const { library } = this.#openssl
    if (this.#many === null) this.#many = this.#manyRecords()
    const read = this.#readBy(() => library.BIO_read(this.#many, into, into.length), into.length)
    // What was read ahead is told of by nobody: only where the connection itself had nothing there is nothing.
    return read === 'nothing yet' && library.BIO_test_flags(this.#input, shouldRetry) === 0 ? 0 : read
  }

  /** A call that reads: what was read before comes first. */
  withEarly(call: () => number): number {
    const result = call()
    if (this.#reads === 'connection' || result > 0 || !this.waitsForMore(result)) return result
    if (this.#bare.descriptor === undefined) return result
    this.#reads = 'connection'
    this.#readConnection()
    return call()
  }

  /** After a call that came to nothing, before which there were no errors. */
  waitsForMore(result: number): boolean {
    return this.#openssl.library.SSL_get_error(this.#ssl, result) === numbers.error.wantsRead
  }

  /** Call it before the connection itself is freed. */
  close(): void {
    if (this.#many !== null) this.#openssl.library.BIO_free_all(this.#many)
    this.#many = null
  }

  /** A call that gives less than all has met the end, or nothing more has come. */
  #readBy(call: () => number, all: number): Read {
    this.#openssl.library.ERR_clear_error()
    const count = call()
    if (count < all && !this.waitsForMore(Math.min(count, 0))) this.#ended = this.#whyEnded()
    // To refuse a renegotiation, to update keys, or for an alert: TLS has answered by itself.
    this.#sending.sendAnswers()
    if (this.#sending.isLost) this.#ended = 'lost'
    // What came ahead of a loss is kept, as ahead of the end: the next call tells of it.
    if (count <= 0 || (count >= all && this.#ended !== undefined)) return this.#ended ?? 'nothing yet'
    this.#bare.noteActivity()
    return count
  }

  #whyEnded(): End {
    const { library } = this.#openssl
    if ((library.SSL_get_shutdown(this.#ssl) & numbers.shutdown.received) !== 0) {
      library.ERR_clear_error()
      return 'end'
    }
    return isUnexpectedEnd(this.#openssl.takeError().code) ? 'cut' : this.#sending.lose()
  }

  #readConnection(): void {
    const { descriptor } = this.#bare
    if (descriptor === undefined) throw new Error('there is no connection')
    this.readFrom(there(this.#openssl.library.BIO_new_socket(descriptor, 0)))
  }

  /** Loops over SSL_read until there is no room, or nothing more has come. */
  #manyRecords(): Pointer {
    const { library } = this.#openssl
    const records = there(library.BIO_new(library.BIO_f_ssl()))
    library.BIO_ctrl(records, setConnection, 0, this.#ssl)
    return library.BIO_push(there(library.BIO_new(library.BIO_f_buffer())), records)
  }

  #holding(bytes: Buffer): Pointer {
    const { library } = this.#openssl
    const bio = there(library.BIO_new(library.BIO_s_mem()))
    library.BIO_write(bio, bytes, bytes.length)
    return bio
  }
}

// openssl/bio.h: BIO_C_SET_SSL, BIO_FLAGS_SHOULD_RETRY
const setConnection = 109
const shouldRetry = 8
