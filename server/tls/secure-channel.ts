/** One connection under TLS: what the control connection and the data connections read and write. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsWire } from './wire.ts'

export type ClientCertificate = {
  readonly commonName: string
  /** SHA-256, as `AB:CD:…`. */
  readonly fingerprint: string
}

export class SecureChannel {
  /** Clear text, both ways. It has no 'error' listener yet. Its 'end' does not close the other direction. */
  readonly stream: TLSSocket
  /** What is below. */
  readonly socket: Socket
  readonly protocol: 'TLSv1.2' | 'TLSv1.3'
  /** Whether the handshake resumed a TLS session of the same control connection, or of another one of the same user: proof that it is the same client. */
  readonly resumed: boolean
  /** The client's certificate, where one was asked for, given and found valid. */
  readonly clientCertificate: ClientCertificate | undefined
  /** The host that the client has named in the handshake (SNI). */
  readonly serverName: string | undefined
  readonly #wire: TlsWire | undefined
  #closeNotifyReceived = false

  /** Call within the 'secureConnection' event: later, the end of the stream may have passed already. */
  constructor(stream: TLSSocket, wire: TlsWire | undefined, socket: Socket) {
    this.stream = stream
    this.socket = socket
    this.#wire = wire
    this.protocol = stream.getProtocol() === 'TLSv1.2' ? 'TLSv1.2' : 'TLSv1.3'
    this.resumed = stream.isSessionReused()
    this.clientCertificate = readClientCertificate(stream)
    this.serverName = readServerName(stream)
    if (wire !== undefined) this.#watchEnd(wire)
  }

  /** The one of both whose timeout sees each byte that moves. */
  get activity(): Socket {
    return this.#wire === undefined ? this.stream : this.socket
  }

  /** Whether the client said that its side is complete (close_notify), rather than just ending the connection. Unknown where data only goes to it. */
  get closeNotifyReceived(): boolean | undefined {
    return this.#wire === undefined ? undefined : this.#closeNotifyReceived
  }

  /** Whether the input has ended within a TLS record, so that it can't be whole. */
  get inputIsBroken(): boolean {
    return !this.#closeNotifyReceived && this.#wire?.endsWithinRecord === true
  }

  /** Before the first write on a data connection: tickets held back until now go out, and loss of the connection counts. */
  beginWriting(): void {
    this.#wire?.beginWriting()
  }

  /**
   * Ends TLS and goes on in clear text on the same socket (RFC 4217 sections 5 and 13). Sends the last bytes and close_notify;
   * resolves to the socket, paused, when the client's close_notify or its first clear text has come. Clear text is what the socket
   * reads next; what comes under TLS meanwhile is dropped. Remove your own listeners from the stream before.
   * Rejects, with the socket destroyed, when the connection ends first or the signal aborts. For control connections only.
   */
  unwrap(lastBytes: string | Uint8Array, signal: AbortSignal): Promise<Socket> {
    const { stream, socket } = this
    const wire = this.#wire
    if (wire === undefined) return Promise.reject(new Error('not a control connection'))
    return new Promise((resolve, reject) => {
      let unwrapped = false
      const fail = (error: unknown) => {
        signal.removeEventListener('abort', onAbort)
        socket.destroy()
        stream.destroy()
        reject(error)
      }
      const onAbort = () => fail(signal.reason)
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort)
      stream.on('error', () => {})
      stream.once('end', () => {
        if (this.#closeNotifyReceived) unwrapped = true
      })
      stream.once('close', () => {
        if (signal.aborted) return
        if (!unwrapped || socket.destroyed) return fail(new Error('connection ended instead of TLS'))
        signal.removeEventListener('abort', onAbort)
        socket.pause()
        resolve(socket)
      })
      wire.beginUnwrapping(() => {
        unwrapped = true
        // The last bytes must have left first; a client that speaks in clear text has read our close_notify.
        if (stream.writableFinished) stream.destroy()
        else stream.once('finish', () => stream.destroy())
      })
      stream.resume()
      stream.end(lastBytes)
    })
  }

  /** Closes the connection without further words. */
  destroy(): void {
    this.stream.destroy()
    this.socket.destroy()
  }

  /**
   * TLSSocket ends alike on close_notify and on a bare FIN. But it ends itself at the very moment it has read close_notify, and
   * after the wire below has ended otherwise. The 'end' event comes too late to tell: a slow reader delays it.
   */
  #watchEnd(wire: TlsWire): void {
    const push = this.stream.push.bind(this.stream)
    this.stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null && !wire.readableEnded) {
        this.#closeNotifyReceived = true
        wire.completeInput()
      }
      return push(chunk, encoding)
    }
  }
}

/** Node’s types lack it: false if there is none. */
function readServerName(stream: TLSSocket): string | undefined {
  const name: unknown = Reflect.get(stream, 'servername')
  return typeof name === 'string' && name !== '' ? name : undefined
}

function readClientCertificate(stream: TLSSocket): ClientCertificate | undefined {
  if (!stream.authorized) return undefined
  const certificate = stream.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const name: string | string[] | undefined = certificate.toLegacyObject().subject.CN
  const commonName = (Array.isArray(name) ? name[0] : name) ?? ''
  return { commonName, fingerprint: certificate.fingerprint256 }
}
