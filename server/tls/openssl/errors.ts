/** What OpenSSL's errors mean for a connection. */
import type { Pointer } from './library.ts'

/** Throws where there is no memory for it. */
export function there(pointer: Pointer): Pointer {
  if (pointer === null) throw new Error('there is no memory for TLS')
  return pointer
}

// openssl/err.h, sslerr.h: those of the system have the highest bit of 32; others the library's number above 23 bits of reason.
const systemError = 0x80000000
const sslLibrary = 20
const unexpectedEnd = 294

/** Whether TLS itself has failed, not the connection below. */
export function isOpenSslError(code: number): boolean {
  return code !== 0 && code < systemError
}

/** The connection has ended without close_notify. */
export function isUnexpectedEnd(code: number): boolean {
  return isOpenSslError(code) && Math.floor(code / 0x800000) === sslLibrary && code % 0x800000 === unexpectedEnd
}
