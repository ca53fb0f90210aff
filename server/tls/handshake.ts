/** One handshake of the server's side: until it is done, has failed, takes too long or is not wanted any more. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Server, TLSSocket } from 'node:tls'
import type { CertificateFiles } from '../config/configuration.ts'
import type { ServerConfiguration } from '../config/schema.ts'

/** What all handshakes of a certificate with the same settings have in common. */
export type HandshakeOptions = {
  readonly certificate: CertificateFiles
  readonly settings: ServerConfiguration['tls']
  readonly handshakeTimeoutSeconds: number
}

/** A handshake that came to nothing: in time, by the signal, or for a reason that OpenSSL words. */
export class TlsError extends Error {
  override readonly name = 'TlsError'
  readonly kind: 'failed' | 'timeout' | 'aborted'
  constructor(kind: TlsError['kind'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}

/** How long its session can be resumed. By default OpenSSL ends that after 300 s, which would break long sessions of FTP. */
export const sessionTimeoutSeconds = 86_400

/** Why there is no handshake at all. */
export const unusableCertificate = 'the certificate or its key cannot be used'

export type Handshake<Result> = {
  readonly server: Server
  /** What TLS reads and writes: the socket, or what is around it. */
  readonly stream: Duplex
  readonly socket: Socket
  readonly signal: AbortSignal
  readonly timeoutSeconds: number
  /** What OpenSSL has said of this handshake, if it has failed. */
  readonly failure: () => Error | undefined
  /** Makes the result, in the very event. */
  readonly secured: (stream: TLSSocket) => Result
  /** In the turn after, ahead of whoever waits for the result. */
  readonly afterwards: () => void
}

/** Rejects with TlsError, with the socket destroyed. */
export function shakeHands<Result>(handshake: Handshake<Result>): Promise<Result> {
  const { server, stream, socket, signal, timeoutSeconds, failure, secured, afterwards } = handshake
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      server.off('secureConnection', onSecure)
      stream.off('close', onClose)
      stream.off('end', onClose)
    }
    const fail = (error: TlsError) => {
      settle()
      stream.destroy()
      socket.destroy()
      reject(error)
    }
    const onAbort = () => fail(new TlsError('aborted', 'aborted', { cause: signal.reason }))
    const onTimeout = () => fail(new TlsError('timeout', 'handshake timed out'))
    const onClose = () => {
      // The reason may be told after the end.
      setImmediate(() => {
        const cause = failure()
        fail(new TlsError('failed', cause?.message ?? 'connection ended during the handshake', { cause }))
      })
    }
    const onSecure = (tls: TLSSocket) => {
      settle()
      tls.allowHalfOpen = true
      const result = secured(tls)
      setImmediate(() => {
        afterwards()
        // A write within the event makes OpenSSL clients fail with SHUTDOWN_WHILE_IN_INIT in TLS 1.3.
        resolve(result)
      })
    }
    const timer = setTimeout(onTimeout, timeoutSeconds * 1000)
    // Half-open, TLSSocket would wait for ever for the rest of a handshake that the client broke off.
    if (stream === socket) socket.allowHalfOpen = false
    stream.on('close', onClose)
    stream.on('end', onClose)
    server.on('secureConnection', onSecure)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) return onAbort()
    if (socket.destroyed) return onClose()
    server.emit('connection', stream)
  })
}
