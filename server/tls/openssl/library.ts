/** OpenSSL's functions, as they are in Node's own program: by calls of C, with pointers that only this folder sees. */
import { type Library, loadLibrary, type NativeCall } from '../../data/kernel/native.ts'

/** To something of OpenSSL's; null where there is none. */
export type Pointer = bigint | null

/** A call that gives a pointer. */
type PointerCall = (...values: readonly unknown[]) => Pointer
type TextCall = (...values: readonly unknown[]) => string | null

const numbers = {
  SSL_CTX_ctrl: 'long SSL_CTX_ctrl(void *context, int command, long number, void *pointer)',
  SSL_CTX_callback_ctrl: 'long SSL_CTX_callback_ctrl(void *context, int command, void *callback)',
  SSL_CTX_set_options: 'uint64_t SSL_CTX_set_options(void *context, uint64_t options)',
  SSL_CTX_set_cipher_list: 'int SSL_CTX_set_cipher_list(void *context, const char *list)',
  SSL_CTX_set_ciphersuites: 'int SSL_CTX_set_ciphersuites(void *context, const char *list)',
  SSL_CTX_use_certificate: 'int SSL_CTX_use_certificate(void *context, void *certificate)',
  SSL_CTX_use_PrivateKey: 'int SSL_CTX_use_PrivateKey(void *context, void *key)',
  SSL_CTX_set_verify: 'void SSL_CTX_set_verify(void *context, int mode, void *callback)',
  SSL_CTX_add_client_CA: 'int SSL_CTX_add_client_CA(void *context, void *certificate)',
  SSL_CTX_set_timeout: 'long SSL_CTX_set_timeout(void *context, long seconds)',
  SSL_CTX_set_alpn_select_cb: 'void SSL_CTX_set_alpn_select_cb(void *context, void *callback, void *argument)',
  SSL_CTX_set_session_ticket_cb:
    'int SSL_CTX_set_session_ticket_cb(void *context, void *made, void *read, void *argument)',
  SSL_CTX_sess_set_get_cb: 'void SSL_CTX_sess_set_get_cb(void *context, void *callback)',
  SSL_CTX_free: 'void SSL_CTX_free(void *context)',
  X509_STORE_add_cert: 'int X509_STORE_add_cert(void *store, void *certificate)',
  X509_free: 'void X509_free(void *certificate)',
  EVP_PKEY_free: 'void EVP_PKEY_free(void *key)',
  i2d_X509: 'int i2d_X509(void *certificate, void *out)',
  BIO_read: 'int BIO_read(void *bio, void *bytes, int count)',
  BIO_write: 'int BIO_write(void *bio, const void *bytes, int count)',
  BIO_up_ref: 'int BIO_up_ref(void *bio)',
  BIO_free: 'int BIO_free(void *bio)',
  BIO_free_all: 'void BIO_free_all(void *chain)',
  BIO_ctrl: 'long BIO_ctrl(void *bio, int command, long number, void *pointer)',
  BIO_test_flags: 'int BIO_test_flags(void *bio, int flags)',
  SSL_set_default_read_buffer_len: 'void SSL_set_default_read_buffer_len(void *ssl, size_t length)',
  SSL_free: 'void SSL_free(void *ssl)',
  SSL_set0_rbio: 'void SSL_set0_rbio(void *ssl, void *bio)',
  SSL_set0_wbio: 'void SSL_set0_wbio(void *ssl, void *bio)',
  SSL_set_accept_state: 'void SSL_set_accept_state(void *ssl)',
  SSL_set_num_tickets: 'int SSL_set_num_tickets(void *ssl, size_t count)',
  SSL_new_session_ticket: 'int SSL_new_session_ticket(void *ssl)',
  SSL_set_session_id_context: 'int SSL_set_session_id_context(void *ssl, const void *context, unsigned int length)',
  SSL_do_handshake: 'int SSL_do_handshake(void *ssl)',
  SSL_read: 'int SSL_read(void *ssl, void *bytes, int count)',
  SSL_write: 'int SSL_write(void *ssl, const void *bytes, int count)',
  SSL_shutdown: 'int SSL_shutdown(void *ssl)',
  SSL_set_quiet_shutdown: 'void SSL_set_quiet_shutdown(void *ssl, int quiet)',
  SSL_get_shutdown: 'int SSL_get_shutdown(void *ssl)',
  SSL_get_error: 'int SSL_get_error(void *ssl, int result)',
  SSL_has_pending: 'int SSL_has_pending(void *ssl)',
  SSL_pending: 'int SSL_pending(void *ssl)',
  SSL_set_read_ahead: 'void SSL_set_read_ahead(void *ssl, int on)',
  SSL_version: 'int SSL_version(void *ssl)',
  SSL_session_reused: 'int SSL_session_reused(void *ssl)',
  SSL_get_verify_result: 'long SSL_get_verify_result(void *ssl)',
  SSL_SESSION_set1_id_context:
    'int SSL_SESSION_set1_id_context(void *session, const void *context, unsigned int length)',
  i2d_SSL_SESSION: 'int i2d_SSL_SESSION(void *session, void *out)',
  ERR_clear_error: 'void ERR_clear_error()',
  ERR_peek_error: 'unsigned long ERR_peek_error()',
  ERR_error_string_n: 'void ERR_error_string_n(unsigned long error, void *text, size_t length)',
} as const

const pointers = {
  TLS_server_method: 'void *TLS_server_method()',
  SSL_CTX_new: 'void *SSL_CTX_new(void *method)',
  SSL_CTX_get_cert_store: 'void *SSL_CTX_get_cert_store(void *context)',
  BIO_new: 'void *BIO_new(void *method)',
  BIO_s_mem: 'void *BIO_s_mem()',
  BIO_f_ssl: 'const void *BIO_f_ssl()',
  BIO_f_buffer: 'const void *BIO_f_buffer()',
  BIO_push: 'void *BIO_push(void *bio, void *next)',
  BIO_new_mem_buf: 'void *BIO_new_mem_buf(const void *bytes, int count)',
  BIO_new_socket: 'void *BIO_new_socket(int fd, int closes)',
  PEM_read_bio_X509: 'void *PEM_read_bio_X509(void *bio, void *into, void *callback, const char *passphrase)',
  PEM_read_bio_PrivateKey:
    'void *PEM_read_bio_PrivateKey(void *bio, void *into, void *callback, const char *passphrase)',
  SSL_new: 'void *SSL_new(void *context)',
  SSL_set_SSL_CTX: 'void *SSL_set_SSL_CTX(void *ssl, void *context)',
  SSL_get_session: 'void *SSL_get_session(void *ssl)',
  SSL_get0_peer_certificate: 'void *SSL_get0_peer_certificate(void *ssl)',
  SSL_SESSION_get0_id_context: 'const void *SSL_SESSION_get0_id_context(void *session, void *length)',
  SSL_SESSION_get_id: 'const void *SSL_SESSION_get_id(void *session, void *length)',
  d2i_SSL_SESSION: 'void *d2i_SSL_SESSION(void *into, void *bytes, long count)',
} as const

const texts = {
  SSL_get_servername: 'const char *SSL_get_servername(void *ssl, int type)',
  SSL_rstate_string: 'const char *SSL_rstate_string(void *ssl)',
} as const

export type Calls = { readonly [Name in keyof typeof numbers]: NativeCall } & {
  readonly [Name in keyof typeof pointers]: PointerCall
} & { readonly [Name in keyof typeof texts]: TextCall }

export type OpenSslLibrary = Calls & Pick<Library, 'callback' | 'memory' | 'store' | 'address'>

/** Undefined where calls of C are not to be had, or Node's OpenSSL is another one than we know. */
export function loadOpenSslLibrary(): OpenSslLibrary | undefined {
  try {
    const library = loadLibrary()
    const major = library.func('unsigned int OPENSSL_version_major()')()
    const minor = library.func('unsigned int OPENSSL_version_minor()')()
    // What is called is the same in all of these; 3.2 is the first with all of what is read of a connection's state.
    if (major !== 3 || minor < 2) return undefined
    const definitions = Object.entries({ ...numbers, ...pointers, ...texts })
    const calls = Object.fromEntries(definitions.map(([name, definition]) => [name, library.func(definition)]))
    const { callback, memory, store, address } = library
    return { ...(calls as unknown as Calls), callback, memory, store, address }
  } catch {
    return undefined
  }
}

/** Numbers of openssl/ssl.h, tls1.h, bio.h and x509_vfy.h. */
export const ssl = {
  ctrl: {
    setTicketKeys: 59,
    setServerNameCallback: 53,
    addChainCertificate: 89,
    setMinimumVersion: 123,
    mode: 33,
    clearMode: 78,
    setSessionCacheMode: 44,
  },
  mode: { movingBuffer: 0x2, autoRetry: 0x4, noAutoChain: 0x8, releaseBuffers: 0x10 },
  option: { noRenegotiation: 1n << 30n, serverPreference: 1n << 22n },
  sessionCache: { server: 0x2, noAutoClear: 0x80, noInternal: 0x300 },
  verify: { none: 0, peer: 1, failWithout: 2 },
  version: { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 },
  error: { wantsRead: 2 },
  shutdown: { sent: 1, received: 2 },
  extension: { ok: 0, fatal: 2, noAck: 3 },
  ticketStatus: { success: 5, successRenew: 6 },
  ticketUse: { ignoreAndRenew: 2, useAndRenew: 4 },
  alert: { unrecognizedName: 112 },
} as const
