/** A certificate with the settings of TLS, ready for connections. */
import { DEFAULT_CIPHERS } from 'node:tls'
import { type HandshakeOptions, sessionTimeoutSeconds } from '../handshake.ts'
import { ssl as numbers, type Pointer } from './library.ts'
import type { HostContext, OpenSsl } from './openssl.ts'

export type TlsContextOptions = Pick<HandshakeOptions, 'certificate' | 'settings'> & {
  /** Whether the host matters that a client names. */
  readonly named: boolean
}

/** Kept by whoever may make connections with it; freed with the last of them. */
export class TlsContext implements HostContext {
  readonly openssl: OpenSsl
  readonly options: TlsContextOptions
  readonly #pointer: Pointer

  /** Throws if the certificate or its key cannot be used. */
  constructor(openssl: OpenSsl, options: TlsContextOptions) {
    this.openssl = openssl
    this.options = options
    const { library } = openssl
    this.#pointer = library.SSL_CTX_new(library.TLS_server_method())
    if (this.#pointer === null) throw new Error('there is no memory for TLS')
    openssl.freeAfter(this, this.#pointer)
    this.#configure(this.#pointer)
    this.#useCertificate(this.#pointer)
    if (options.settings.clientCertificates !== 'off') this.#askForCertificates(this.#pointer)
  }

  /** What a connection is made of; the connection keeps all it needs. Null where there is no memory. */
  newConnection(): Pointer {
    return this.openssl.library.SSL_new(this.#pointer)
  }

  giveTo(ssl: unknown): void {
    this.openssl.library.SSL_set_SSL_CTX(ssl, this.#pointer)
  }

  #configure(context: Pointer): void {
    const { library, ticketKeys, callbacks } = this.openssl
    const { settings, named } = this.options
    const { ctrl, mode, option, sessionCache, version } = numbers
    library.SSL_CTX_set_options(context, option.noRenegotiation | option.serverPreference)
    library.SSL_CTX_ctrl(context, ctrl.mode, mode.releaseBuffers | mode.movingBuffer, null)
    // Nothing else is known to complete a chain by: with each handshake it would be looked for in vain.
    if (settings.clientCertificates === 'off') library.SSL_CTX_ctrl(context, ctrl.mode, mode.noAutoChain, null)
    // One call would go on for as long as a client sends what is no data, such as updates of keys, and nobody else would have a turn.
    library.SSL_CTX_ctrl(context, ctrl.clearMode, mode.autoRetry, null)
    library.SSL_CTX_ctrl(context, ctrl.setMinimumVersion, version[settings.minVersion], null)
    const names = ciphers.split(':')
    library.SSL_CTX_set_cipher_list(context, names.filter(name => !name.startsWith('TLS_')).join(':'))
    library.SSL_CTX_set_ciphersuites(context, names.filter(name => name.startsWith('TLS_')).join(':'))
    const { server, noAutoClear, noInternal } = sessionCache
    library.SSL_CTX_ctrl(context, ctrl.setSessionCacheMode, server | noAutoClear | noInternal, null)
    library.SSL_CTX_set_timeout(context, sessionTimeoutSeconds)
    library.SSL_CTX_ctrl(context, ctrl.setTicketKeys, ticketKeys.length, ticketKeys)
    library.SSL_CTX_set_session_ticket_cb(context, callbacks.makeTicket, callbacks.readTicket, null)
    library.SSL_CTX_sess_set_get_cb(context, callbacks.findSession)
    library.SSL_CTX_set_alpn_select_cb(context, callbacks.selectProtocol, null)
    if (named) library.SSL_CTX_callback_ctrl(context, ctrl.setServerNameCallback, callbacks.chooseContext)
    library.ERR_clear_error()
  }

  #useCertificate(context: Pointer): void {
    const { library } = this.openssl
    const { certificate, key } = this.options.certificate
    const [own, ...chain] = this.#readCertificates(certificate)
    const privateKey = this.#readAll(key, bio => library.PEM_read_bio_PrivateKey(bio, null, null, ''))[0] ?? null
    const isUsed =
      own !== undefined &&
      library.SSL_CTX_use_certificate(context, own) === 1 &&
      privateKey !== null &&
      library.SSL_CTX_use_PrivateKey(context, privateKey) === 1 &&
      chain.every(each => library.SSL_CTX_ctrl(context, numbers.ctrl.addChainCertificate, 1, each) === 1)
    for (const each of [own ?? null, ...chain]) library.X509_free(each)
    library.EVP_PKEY_free(privateKey)
    if (!isUsed) throw new Error(this.openssl.takeError().message)
  }

  #askForCertificates(context: Pointer): void {
    const { library, callbacks } = this.openssl
    const { certificate, settings } = this.options
    const store = library.SSL_CTX_get_cert_store(context)
    for (const each of this.#readCertificates(certificate.authority ?? '')) {
      library.X509_STORE_add_cert(store, each)
      library.SSL_CTX_add_client_CA(context, each)
      library.X509_free(each)
    }
    const { peer, failWithout } = numbers.verify
    // Who may go on without a certificate may with one that nobody knows: it counts as none.
    if (settings.clientCertificates === 'optional')
      library.SSL_CTX_set_verify(context, peer, callbacks.acceptCertificate)
    else library.SSL_CTX_set_verify(context, peer | failWithout, null)
  }

  #readCertificates(pem: string): readonly Pointer[] {
    return this.#readAll(pem, bio => this.openssl.library.PEM_read_bio_X509(bio, null, null, ''))
  }

  /** All things of a kind, each to be freed. */
  #readAll(pem: string, read: (bio: Pointer) => Pointer): readonly Pointer[] {
    const { library } = this.openssl
    const bytes = Buffer.from(pem)
    const bio = library.BIO_new(library.BIO_s_mem())
    library.BIO_write(bio, bytes, bytes.length)
    const found: Pointer[] = []
    for (let next = read(bio); next !== null; next = read(bio)) found.push(next)
    library.BIO_free(bio)
    library.ERR_clear_error()
    return found
  }
}

// Of those of TLS 1.3 the one with the shorter key first, which every implementation has (RFC 8446 section 9.1): large transfers cost less.
const ciphers = `TLS_AES_128_GCM_SHA256:${DEFAULT_CIPHERS.replace('TLS_AES_128_GCM_SHA256:', '')}`
