/** The control connection: what is sent, under what protection, and how it is closed. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { BareConnection } from '../data/bare-connection.ts'
import { translated } from '../language/languages.ts'
import { encodeName } from '../storage/name.ts'
import type { SecureChannel } from '../tls/secure-channel.ts'
import type { SessionTls } from '../tls/session-tls.ts'
import { ClearLine, writeTo } from './input/clear-line.ts'
import { type LineSource, StreamSource } from './input/line-source.ts'
import { SecureLine } from './input/secure-line.ts'
import { formatLine, formatReply, type Reply } from './reply.ts'
import type { Services } from './services.ts'
import type { SessionState } from './session/session-state.ts'

const connectionEnded = 'the connection has ended'

/** How long a client may take to read the last replies before its connection is closed over them. */
const lingerMilliseconds = 2000

export interface ControlChannelOwner {
  readonly services: Services
  readonly state: SessionState
  hangUp(reason: string): void
}

export class ControlChannel {
  readonly #line: ClearLine
  readonly #owner: ControlChannelOwner
  /** The connection broke or was closed. */
  readonly #onLost: () => void
  /** Aborts whatever waits for the client once the connection ends. There only while something waits: a session at rest has none. */
  #closed: AbortController | undefined
  #waiting = 0
  #ended = false
  /** Protected by the one or the other: with a socket and without. */
  #channel: SecureChannel | undefined
  #secure: SecureLine | undefined
  #tls: SessionTls | undefined
  #handshaking = false
  /** A signal for it would cost more. */
  #inHandshake: BareConnection | undefined
  #deadline: NodeJS.Timeout | undefined

  constructor(connection: Socket | BareConnection, owner: ControlChannelOwner) {
    this.#owner = owner
    // Not put there as it is made: V8 makes functions of properties in its old generation, where each would keep its whole session.
    const onLost = (): void => owner.hangUp('connection lost')
    this.#onLost = onLost
    this.#line = new ClearLine(connection, owner.services.inputMemory, this.#onLost)
  }

  /** What the client says, as it is protected now. */
  get source(): LineSource {
    if (this.#channel !== undefined) return new StreamSource(this.#channel.stream)
    return this.#secure ?? this.#line
  }

  /** The server's own end; empty once the connection is gone. */
  get localAddress(): string {
    return this.#line.localAddress
  }

  get localPort(): number | undefined {
    return this.#line.localPort
  }

  /** Whether the connection is lost without anybody having been told. */
  get isBroken(): boolean {
    return this.#line.isBroken
  }

  /** Waits for the client, by a signal that is aborted when the connection ends. */
  async untilEnd<Result>(wait: (ended: AbortSignal) => Promise<Result>): Promise<Result> {
    this.#closed ??= new AbortController()
    // With a reason: to make one up takes a stack trace.
    if (this.#ended) this.#closed.abort(connectionEnded)
    this.#waiting += 1
    try {
      return await wait(this.#closed.signal)
    } finally {
      this.#waiting -= 1
      if (this.#waiting === 0) this.#closed = undefined
    }
  }

  /** TLS of the session: stays after CCC, for data connections. */
  get tls(): SessionTls | undefined {
    return this.#tls
  }

  /** Puts the reply on its way. Gives a promise while the client does not read, and closes the connection over that. */
  send(answer: Reply): Promise<void> | undefined {
    return this.#send(this.#formatted(answer))
  }

  /** The same for a line of a reply that goes on. */
  sendLine(line: Reply): Promise<void> | undefined {
    return this.#send(formatLine(this.#worded(line)))
  }

  #send(line: string | Uint8Array): Promise<void> | undefined {
    const secure = this.#secure
    if (secure !== undefined) return secure.send(line) ? undefined : this.#drained(secure)
    if (this.#channel === undefined) return this.#line.send(line) ? undefined : this.#drained(this.#line.socket)
    const { stream } = this.#channel
    return writeTo(stream, line) ? undefined : this.#drained(stream)
  }

  async #drained(way: Duplex | SecureLine): Promise<void> {
    const { idleTimeoutSeconds } = this.#owner.services.configuration().server.limits
    const timer = setTimeout(() => this.#destroy(), idleTimeoutSeconds * 1000)
    await this.untilEnd(ended =>
      way instanceof SecureLine ? sentOr(ended, way) : settled(way, ended, done => way.once('drain', done)),
    )
    clearTimeout(timer)
  }

  /** Resolves once the kernel has the reply: what comes after it on this connection is under other protection. */
  async sendAll(answer: Reply): Promise<void> {
    const bytes = encodeName(formatReply(this.#worded(answer)))
    const secure = this.#secure
    if (secure !== undefined) {
      if (!secure.send(bytes)) await this.untilEnd(ended => sentOr(ended, secure))
      return
    }
    const taken = this.#channel === undefined ? this.#line.sendBare(bytes) : 0
    if (taken === bytes.length) return
    const stream = this.#channel?.stream ?? this.#line.socket
    if (!stream.writable) return
    await this.untilEnd(ended => settled(stream, ended, done => stream.write(bytes.subarray(taken), done)))
  }

  /** Does the TLS handshake. Rejects with TlsError. Nobody may read the stream meanwhile. */
  async startTls(tls: SessionTls): Promise<Pick<SecureChannel, 'clientCertificate' | 'serverName'>> {
    this.#tls = tls
    this.#handshaking = true
    const bare = tls.openssl && this.#line.lend()
    try {
      if (bare !== undefined) {
        if (this.#ended) bare.close()
        this.#inHandshake = bare
        const connection = await tls.secureBareControl(bare)
        this.#secure = new SecureLine(connection, this.#owner.services.inputMemory, this.#onLost)
        return connection
      }
      const { socket, input } = this.#line
      this.#channel = await this.untilEnd(ended => tls.secureControl(socket, ended, input))
    } finally {
      this.#handshaking = false
      this.#inHandshake = undefined
    }
    this.#channel.stream.on('error', this.#onLost)
    return this.#channel
  }

  /** Sends a last reply under TLS and goes back to clear text. Rejects when the connection ends first. Nobody may read the stream meanwhile. */
  async stopTls(answer: Reply): Promise<void> {
    const bytes = encodeName(formatReply(this.#worded(answer)))
    const secure = this.#secure
    if (secure !== undefined) {
      await this.untilEnd(ended => secure.unwrap(bytes, ended))
      this.#secure = undefined
      return
    }
    const channel = this.#channel
    if (channel === undefined) throw new Error('There is no TLS to stop.')
    channel.stream.off('error', this.#onLost)
    await this.untilEnd(ended => channel.unwrap(bytes, ended))
    this.#channel = undefined
  }

  /** Data connections go on without TLS, too. */
  forgetTls(): void {
    this.#tls = undefined
  }

  /**
   * The last words, unless a handshake is under way: then there is no language to say them in. With `close`, the connection may be closed at once:
   * the client has asked for it, and all that it had said was read.
   */
  say(answer: Reply, then: 'close' | 'wait'): void {
    if (this.#handshaking) return
    const last = this.#formatted(answer)
    if (this.#secure !== undefined) this.#secure.sendLast(last)
    else if (this.#channel === undefined) this.#line.sendLast(last, then)
    else writeTo(this.#channel.stream, last)
  }

  /** As bytes, which are valid until the next ones, where nobody waits to send them. */
  #formatted(answer: Reply): string | Uint8Array {
    const worded = this.#worded(answer)
    const isAtOnce = this.#secure !== undefined || (this.#channel === undefined && this.#line.isBare)
    const bytes = isAtOnce ? this.#owner.services.inputMemory.format(worded) : undefined
    return bytes ?? formatReply(worded)
  }

  #worded(answer: Reply): Reply {
    return translated(answer, this.#owner.state.language)
  }

  /** From now on the client has little time left: one that does not read would keep its connection open for ever. */
  closeInTime(): void {
    if (this.#deadline !== undefined || this.#line.closed) return
    this.#deadline = setTimeout(() => this.#destroy(), lingerMilliseconds)
  }

  /** Ends all waiting for the client. */
  end(): void {
    this.closeInTime()
    this.#ended = true
    this.#closed?.abort(connectionEnded)
    // In a handshake there is no language for last words.
    this.#inHandshake?.close()
  }

  /** Resolves when the connection is closed, soon after end() at the latest. Undefined where it is closed already. */
  close(): Promise<void> | undefined {
    // TLS without a socket has something to free in any case.
    if (this.#secure !== undefined || !this.#line.closed) return this.#close()
    clearTimeout(this.#deadline)
    return undefined
  }

  async #close(): Promise<void> {
    if (this.#secure !== undefined) await this.#secure.end()
    else if (this.#channel === undefined) await this.#line.end()
    else await closed(this.#channel.stream, this.#line.socket)
    clearTimeout(this.#deadline)
  }

  #destroy(): void {
    if (this.#secure !== undefined) this.#secure.destroy()
    else this.#line.destroy()
  }
}

/** Resolves when the line has sent all it had to, or the signal aborts. */
async function sentOr(signal: AbortSignal, line: SecureLine): Promise<void> {
  if (signal.aborted) return
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const onAbort = (): void => resolve()
  signal.addEventListener('abort', onAbort)
  await Promise.race([line.drained(), aborted])
  signal.removeEventListener('abort', onAbort)
}

async function closed(stream: Duplex, socket: Socket): Promise<void> {
  if (socket.destroyed) return
  const closing = new Promise(resolve => socket.once('close', resolve))
  // What still comes is read and dropped: closing over unread bytes would reset the connection and lose the last reply.
  stream.resume()
  stream.end()
  await closing
}

/** Resolves when the callback is called, the stream is closed, or the signal aborts: a client that never reads holds nobody up. */
async function settled(stream: Duplex, signal: AbortSignal, start: (done: () => void) => unknown): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    const done = (): void => {
      stream.off('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    stream.once('close', done)
    signal.addEventListener('abort', done)
    start(done)
  })
}
