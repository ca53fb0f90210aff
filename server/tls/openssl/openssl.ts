/** OpenSSL as one process uses it: the functions, what it calls back, and memory that all connections share. */
import { randomBytes } from 'node:crypto'
import type { SocketCalls } from '../../data/kernel/socket-calls.ts'
import { loadOpenSslLibrary, ssl as numbers, type OpenSslLibrary, type Pointer } from './library.ts'
import { TlsThreads } from './tls-threads.ts'

/** The certificate of a host. */
export interface HostContext {
  /** Has a connection that began with another one go on with it. */
  giveTo(ssl: unknown): void
}

/** Whose connection is in a handshake: asked for what only it knows. None of it may throw. */
export interface TlsParty {
  /** 32 bytes by which the TLS sessions that it begins are known. */
  readonly sessionContext: Buffer
  /** Whether what its handshake begins may be resumed later: not where it has to resume something itself. */
  readonly mayBegin: boolean
  /** Whether it may resume a session that began under another one's context. */
  mayResume(sessionContext: Buffer): boolean
  /** What a session ID of TLS 1.2 stands for: its own, or of another one. */
  sessionWithId(id: string): Buffer | undefined
  selectProtocol(offered: readonly string[]): string | undefined
  /** Whether a client that names this host may go on, and with which certificate if not that of the context. */
  nameHost(host: string): { readonly context: HostContext | undefined } | 'unknown'
}

/** More than a whole flight of a handshake, and than a record. */
const outputBytes = 65_536

/** Undefined where it is not to be had. */
export function loadOpenSsl(calls: SocketCalls): OpenSsl | undefined {
  const library = loadOpenSslLibrary()
  return library && new OpenSsl(library, calls)
}

/** One for a process. Nothing to close. */
export class OpenSsl {
  readonly library: OpenSslLibrary
  /** Of the connections below. */
  readonly socketCalls: SocketCalls
  readonly threads: TlsThreads
  readonly output = Buffer.allocUnsafeSlow(outputBytes)
  /** What connections have written; empty between two calls. */
  readonly #written: Pointer
  /** Of all contexts: who may resume what is told by the session, not by the keys. */
  readonly ticketKeys = randomBytes(ticketKeysBytes)
  readonly callbacks: {
    readonly selectProtocol: bigint
    readonly chooseContext: bigint
    readonly makeTicket: bigint
    readonly readTicket: bigint
    readonly findSession: bigint
    readonly acceptCertificate: bigint
  }
  /** Contexts are freed once nobody can make a connection with them any more. */
  readonly #contexts: FinalizationRegistry<Pointer>
  #party: TlsParty | undefined

  constructor(library: OpenSslLibrary, socketCalls: SocketCalls) {
    this.library = library
    this.socketCalls = socketCalls
    this.threads = new TlsThreads()
    this.#written = library.BIO_new(library.BIO_s_mem())
    if (this.#written === null) throw new Error('there is no memory for TLS')
    this.#contexts = new FinalizationRegistry(context => void library.SSL_CTX_free(context))
    const { callback } = library
    const { fatal } = numbers.extension
    this.callbacks = {
      selectProtocol: callback(
        'int',
        ['void*', 'void*', 'void*', 'void*', 'unsigned int', 'void*'],
        safely(fatal, (_ssl, out, outLength, list, length) => this.#selectProtocol({ out, outLength, list, length })),
      ),
      chooseContext: callback(
        'int',
        ['void*', 'void*', 'void*'],
        // With the certificate of another host it must not go on.
        safely(fatal, (ssl, alert) => this.#chooseContext(ssl, alert)),
      ),
      makeTicket: callback(
        'int',
        ['void*', 'void*'],
        safely(0, ssl => this.#makeTicket(ssl)),
      ),
      readTicket: callback(
        'int',
        ['void*', 'void*', 'void*', 'size_t', 'int', 'void*'],
        safely(numbers.ticketUse.ignoreAndRenew, (_ssl, session, _name, _length, status) =>
          this.#readTicket(session, status),
        ),
      ),
      findSession: callback(
        'void*',
        ['void*', 'void*', 'int', 'void*'],
        safely(null, (_ssl, id, length, copies) => this.#findSession(id, length, copies)),
      ),
      acceptCertificate: callback('int', ['int', 'void*'], () => {
        // What was found wrong lies where the next call would take it for its own.
        library.ERR_clear_error()
        return 1
      }),
    }
  }

  /** What connections write to. */
  shareOutput(): Pointer {
    this.library.BIO_up_ref(this.#written)
    return this.#written
  }

  /** Takes what was written by the last call, as much as fits into `output`, and returns how much. */
  takeOutput(): number {
    return Math.max(0, this.library.BIO_read(this.#written, this.output, outputBytes))
  }

  /** Frees the context after its owner. */
  freeAfter(owner: object, context: Pointer): void {
    this.#contexts.register(owner, context)
  }

  /** Calls OpenSSL for this party. */
  callFor(party: TlsParty, call: () => number): number {
    this.#party = party
    try {
      return call()
    } finally {
      this.#party = undefined
    }
  }

  /** What went wrong in the last call, before which there were no errors, in OpenSSL's words; forgotten by that. */
  takeError(): { readonly code: number; readonly message: string } {
    const { library } = this
    const code = library.ERR_peek_error()
    const text = Buffer.alloc(256)
    library.ERR_error_string_n(code, text, text.length)
    library.ERR_clear_error()
    return { code, message: text.toString('latin1', 0, text.indexOf(0)) }
  }

  /** RFC 7301 section 3.1: a list of names, each behind its length. The answer is a place in it. */
  #selectProtocol({
    out,
    outLength,
    list,
    length,
  }: { [Name in 'out' | 'outLength' | 'list' | 'length']: unknown }): number {
    if (!isAddress(out) || !isAddress(outLength) || !isAddress(list)) return numbers.extension.fatal
    const bytes = Buffer.from(this.library.memory(list, Number(length)))
    const places = new Map<string, number>()
    for (let at = 0; at < bytes.length; at += 1 + (bytes[at] ?? 0)) {
      places.set(bytes.toString('latin1', at + 1, at + 1 + (bytes[at] ?? 0)), at + 1)
    }
    const name = this.#party?.selectProtocol([...places.keys()])
    const place = name === undefined ? undefined : places.get(name)
    if (name === undefined || place === undefined) return numbers.extension.fatal
    this.library.store(out, 'uint64_t', list + BigInt(place))
    this.library.store(outLength, 'uint8_t', name.length)
    return numbers.extension.ok
  }

  #chooseContext(ssl: unknown, alert: unknown): number {
    const { ok, fatal, noAck } = numbers.extension
    const name = this.library.SSL_get_servername(ssl, 0)
    if (name === null || name === '' || this.#party === undefined) return noAck
    const choice = this.#party.nameHost(name)
    if (choice === 'unknown') {
      if (isAddress(alert)) this.library.store(alert, 'int', numbers.alert.unrecognizedName)
      return fatal
    }
    choice.context?.giveTo(ssl)
    return ok
  }

  /** Nobody may resume by a ticket of a handshake that had to resume something and did not. */
  #makeTicket(ssl: unknown): number {
    const { library } = this
    if (this.#party?.mayBegin !== false || library.SSL_session_reused(ssl) === 1) return 1
    return library.SSL_SESSION_set1_id_context(library.SSL_get_session(ssl), nobodysContext, nobodysContext.length)
  }

  #readTicket(session: unknown, status: unknown): number {
    const { ignoreAndRenew, useAndRenew } = numbers.ticketUse
    const { success, successRenew } = numbers.ticketStatus
    if (status !== success && status !== successRenew) return ignoreAndRenew
    return this.#mayResume(session) ? useAndRenew : ignoreAndRenew
  }

  /** Makes a session of another one, where it may be resumed, one of the party: so are the tickets that follow. */
  #mayResume(session: unknown): boolean {
    const party = this.#party
    if (party === undefined) return false
    const length = new Uint32Array(1)
    const place = this.library.SSL_SESSION_get0_id_context(session, length)
    if (place === null || length[0] !== party.sessionContext.length) return false
    const context = Buffer.from(this.library.memory(place, length[0]))
    if (context.equals(party.sessionContext)) return true
    if (!party.mayResume(context)) return false
    return this.library.SSL_SESSION_set1_id_context(session, party.sessionContext, party.sessionContext.length) === 1
  }

  #findSession(id: unknown, length: unknown, copies: unknown): Pointer {
    if (!isAddress(id) || !isAddress(copies)) return null
    const known = this.#party?.sessionWithId(Buffer.from(this.library.memory(id, Number(length))).toString('hex'))
    if (known === undefined) return null
    const own = Buffer.allocUnsafeSlow(known.length)
    known.copy(own)
    const place = BigUint64Array.of(this.library.address(own))
    const session = this.library.d2i_SSL_SESSION(null, place, own.length)
    if (session === null) return null
    // What is given is OpenSSL's from now on.
    this.library.store(copies, 'int', 0)
    const { sessionContext } = this.#party ?? {}
    if (sessionContext !== undefined)
      this.library.SSL_SESSION_set1_id_context(session, sessionContext, sessionContext.length)
    return session
  }
}

/** Of another length than that of parties. */
const nobodysContext = Buffer.alloc(1)

/** Name, key of the HMAC and key of the cipher: 16, 32 and 32 bytes. */
const ticketKeysBytes = 80

function isAddress(value: unknown): value is bigint {
  return typeof value === 'bigint'
}

/** An exception must not pass through C. */
function safely<Result>(otherwise: Result, run: (...values: readonly unknown[]) => Result) {
  return (...values: readonly unknown[]): Result => {
    try {
      return run(...values)
    } catch {
      return otherwise
    }
  }
}
