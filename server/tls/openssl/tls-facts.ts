/** What a handshake has made known of a connection. */
import { X509Certificate } from 'node:crypto'
import type { ClientCertificate } from '../secure-channel.ts'
import { ssl as numbers, type OpenSslLibrary, type Pointer } from './library.ts'

/** The client's certificate, where one was asked for, given and found valid. */
export function clientCertificateOf(library: OpenSslLibrary, ssl: Pointer): ClientCertificate | undefined {
  const given = library.SSL_get0_peer_certificate(ssl)
  if (given === null || library.SSL_get_verify_result(ssl) !== 0) return undefined
  const certificate = new X509Certificate(encoded(library, library.i2d_X509, given))
  const name: string | string[] | undefined = certificate.toLegacyObject().subject.CN
  return { commonName: (Array.isArray(name) ? name[0] : name) ?? '', fingerprint: certificate.fingerprint256 }
}

/** A TLS session with an ID: one of TLS 1.2 without tickets. */
export type SessionWithId = { readonly id: string; readonly session: Buffer }

/** The one that a connection has begun, or gone on with. */
export function sessionWithIdOf(library: OpenSslLibrary, ssl: Pointer): SessionWithId | undefined {
  if (library.SSL_version(ssl) !== numbers.version['TLSv1.2']) return undefined
  const session = library.SSL_get_session(ssl)
  const length = new Uint32Array(1)
  const id = session === null ? null : library.SSL_SESSION_get_id(session, length)
  if (id === null || length[0] === undefined || length[0] === 0) return undefined
  const name = Buffer.from(library.memory(id, length[0])).toString('hex')
  return { id: name, session: encoded(library, library.i2d_SSL_SESSION, session) }
}

/** DER. */
function encoded(library: OpenSslLibrary, encode: (...values: readonly unknown[]) => number, thing: Pointer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Math.max(1, encode(thing, null)))
  encode(thing, BigUint64Array.of(library.address(bytes)))
  return bytes
}
