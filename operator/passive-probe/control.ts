/** The control connection of a probe: commands, replies, TLS. Everything within a deadline. */
import type { Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { dial } from './dial.ts'

export type Reply = { readonly code: number; readonly text: string }

/** What the other side says or does is not what a server does; `message` is for people. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError'
  readonly kind: 'silent' | 'closed' | 'nonsense' | 'tls' | 'stranger'
  constructor(kind: ProbeError['kind'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}

export type ControlOptions = {
  readonly host: string
  readonly port: number
  readonly tls: 'none' | 'explicit' | 'implicit'
  /** SHA-256 of the certificate, as `AB:CD:…`: who has another one is not told the password. */
  readonly fingerprint: string | undefined
  /** Addresses that are not connected to. */
  readonly isOffLimits: (address: string) => boolean
  readonly signal: AbortSignal
}

const replyMilliseconds = 8000
const handshakeMilliseconds = 5000
const longestReply = 65_536

/** Greeted, and under TLS if so. Rejects with DialError, ProbeError or the signal's reason. Close it. */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { host, port, tls, signal, isOffLimits } = options
  const socket = await dial(host, port, signal, { isOffLimits })
  const control = new Control(socket, options)
  try {
    if (tls === 'implicit') await control.secure()
    control.expect(await control.reply(), 220)
    if (tls === 'explicit') {
      control.expect(await control.send('AUTH TLS'), 234)
      await control.secure()
    }
    return control
  } catch (error) {
    control.close()
    throw error
  }
}

export class Control {
  #socket: Socket
  readonly #options: ControlOptions
  #received = ''
  #ended = false
  #wake: (() => void) | undefined
  /** For data connections to resume. */
  #session: Buffer | undefined

  constructor(socket: Socket, options: ControlOptions) {
    this.#socket = socket
    this.#options = options
    this.#listen(socket)
  }

  get isOffLimits(): ControlOptions['isOffLimits'] {
    return this.#options.isOffLimits
  }

  get isSecure(): boolean {
    return this.#options.tls !== 'none'
  }

  /** The other end, as it was reached. */
  get address(): string {
    return this.#socket.remoteAddress ?? this.#options.host
  }

  /** Sends a command and takes one reply. */
  async send(command: string): Promise<Reply> {
    this.#socket.write(`${command}\r\n`)
    return this.reply()
  }

  expect(reply: Reply, code: number): void {
    if (reply.code !== code) throw new ProbeError('nonsense', `${code} was expected, and ${reply.code} came`)
  }

  async reply(): Promise<Reply> {
    const { signal } = this.#options
    const deadline = performance.now() + replyMilliseconds
    for (;;) {
      signal.throwIfAborted()
      const match = /^(\d{3}) ([^\r\n]*)\r\n|^(\d{3})-[^]*?\r\n\3 ([^\r\n]*)\r\n/.exec(this.#received)
      if (match !== null) {
        this.#received = this.#received.slice(match[0].length)
        return { code: Number(match[1] ?? match[3]), text: match[2] ?? match[4] ?? '' }
      }
      if (this.#ended) throw new ProbeError('closed', 'the connection was closed')
      if (this.#received.length > longestReply) throw new ProbeError('nonsense', 'this is no FTP')
      const left = deadline - performance.now()
      if (left <= 0) throw new ProbeError('silent', `no answer within ${replyMilliseconds / 1000} s`)
      await this.#change(left)
    }
  }

  async secure(): Promise<void> {
    this.#socket.removeAllListeners('data')
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false })
    secured.on('session', session => {
      this.#session = session
    })
    await handshake(secured, this.#options.signal)
    const { fingerprint } = this.#options
    if (fingerprint !== undefined && secured.getPeerCertificate().fingerprint256 !== fingerprint) {
      secured.destroy()
      throw new ProbeError('stranger', 'the certificate there is not that of the server')
    }
    this.#socket = secured
    this.#listen(secured)
  }

  /** TLS on a data connection, with the session of this one. Rejects with ProbeError `tls`. */
  async secureData(socket: Socket): Promise<TLSSocket> {
    const session = this.#session
    const secured = connectTls({
      socket,
      rejectUnauthorized: false,
      ...(session !== undefined && { session }),
    })
    await handshake(secured, this.#options.signal)
    return secured
  }

  close(): void {
    this.#socket.destroy()
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1')
      this.#wake?.()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
  }

  async #change(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, milliseconds)
    const onAbort = (): void => resolve()
    this.#wake = resolve
    this.#options.signal.addEventListener('abort', onAbort, { once: true })
    await promise
    clearTimeout(timer)
    this.#options.signal.removeEventListener('abort', onAbort)
    this.#wake = undefined
  }
}

async function handshake(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(
    () => reject(new ProbeError('tls', 'the TLS handshake took too long')),
    handshakeMilliseconds,
  )
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  const fail = (cause?: Error): void => reject(new ProbeError('tls', 'the TLS handshake failed', { cause }))
  socket.once('error', fail)
  socket.once('close', () => fail())
  socket.once('secureConnect', resolve)
  try {
    await promise
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.off('error', fail)
    socket.on('error', () => undefined)
  }
}
