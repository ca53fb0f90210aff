/** A bare FTP client that sends exactly what a test says, and tells exactly what the server answered. */
import { connect as connectSocket, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { password } from './server.ts'

export type FtpReply = {
  readonly code: number
  /** Text of all lines, without code and end of line. */
  readonly lines: readonly string[]
  /** Text of the last line. */
  readonly text: string
}

export type FtpClientOptions = {
  readonly localAddress?: string
  /** For each answer; by default so long that no machine is too busy for it. */
  readonly deadlineMilliseconds?: number
}

export class FtpClient {
  #socket: Socket
  #received = ''
  #sent = ''
  #closed = false
  readonly #deadlineMilliseconds: number
  readonly #waiting: (() => void)[] = []
  /** Session of the control connection, for data connections to resume. */
  #session: Buffer | undefined
  #tls: TLSSocket | undefined

  private constructor(socket: Socket, deadlineMilliseconds = 30_000) {
    this.#socket = socket
    this.#deadlineMilliseconds = deadlineMilliseconds
    this.#listen(socket)
  }

  /** Connects and takes the greeting. */
  static async connect(port: number, host = '127.0.0.1', options: FtpClientOptions = {}): Promise<FtpClient> {
    const client = await FtpClient.open(port, host, options)
    await client.reply()
    return client
  }

  /** Connects, without waiting for a greeting. */
  static async open(port: number, host = '127.0.0.1', options: FtpClientOptions = {}): Promise<FtpClient> {
    const { deadlineMilliseconds, ...local } = options
    const socket = connectSocket({ port, host, noDelay: true, ...local })
    await once(socket, 'connect')
    return new FtpClient(socket, deadlineMilliseconds)
  }

  /** Connects with TLS from the first byte and takes the greeting. */
  static async connectImplicit(port: number, host = '127.0.0.1', options: ConnectionOptions = {}): Promise<FtpClient> {
    const client = await FtpClient.open(port, host)
    await client.secure(options)
    await client.reply()
    return client
  }

  /** Goes on with a connection that was greeted already. */
  static over(socket: Socket): FtpClient {
    return new FtpClient(socket)
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Bytes as they are. */
  write(bytes: string | Uint8Array): void {
    if (typeof bytes === 'string') this.#sent = bytes.slice(0, 200).trimEnd()
    this.#socket.write(bytes)
  }

  /** Sends a command and takes one reply. */
  async send(command: string): Promise<FtpReply> {
    this.write(`${command}\r\n`)
    return this.reply()
  }

  /** USER and PASS; rejects unless that logs in. */
  async login(user = 'alice', secret = password): Promise<FtpReply> {
    await this.send(`USER ${user}`)
    const answer = await this.send(`PASS ${secret}`)
    if (answer.code !== 230) throw new Error(`Not logged in: ${answer.code} ${answer.text}`)
    return answer
  }

  /** The next reply. Rejects when the connection is closed before, or at the deadline. */
  async reply(): Promise<FtpReply> {
    const reply = await this.#next(() => {
      const match = /^(\d{3}) ([^\r\n]*)\r\n|^(\d{3})-([^]*?)\r\n\3 ([^\r\n]*)\r\n/.exec(this.#received)
      if (match === null) return undefined
      this.#received = this.#received.slice(match[0].length)
      const [, code, text = '', multiCode, inner = '', last = ''] = match
      if (code !== undefined) return { code: Number(code), lines: [text], text }
      return { code: Number(multiCode), lines: [...inner.split('\r\n'), last], text: last }
    }, 'a reply')
    return reply
  }

  /** Resolves when the server has closed the connection, to what it sent before that nobody took. */
  async closed(): Promise<string> {
    return this.#next(() => (this.#closed ? this.#received : undefined), 'the end of the connection', true)
  }

  /** AUTH TLS and the handshake. */
  async startTls(options: ConnectionOptions = {}): Promise<void> {
    const answer = await this.send('AUTH TLS')
    if (answer.code !== 234) throw new Error(`${answer.code} ${answer.text}`)
    await this.secure(options)
  }

  /** The TLS handshake alone. */
  async secure(options: ConnectionOptions = {}): Promise<void> {
    this.#socket.removeAllListeners('data')
    const socket = connectTls({ socket: this.#socket, rejectUnauthorized: false, ...options })
    socket.on('session', session => {
      this.#session = session
    })
    await once(socket, 'secureConnect')
    this.#tls = socket
    this.#socket = socket
    this.#listen(socket)
  }

  /** AUTH TLS, login, PBSZ and PROT P. */
  async loginSecurely(options: ConnectionOptions = {}, user = 'alice', secret = password): Promise<void> {
    await this.startTls(options)
    await this.login(user, secret)
    await this.send('PBSZ 0')
    await this.send('PROT P')
  }

  get tls(): TLSSocket | undefined {
    return this.#tls
  }

  get session(): Buffer | undefined {
    return this.#session
  }

  /** EPSV, and a connection to the port it names. That it breaks shows to whoever reads it, and in the replies; nobody else has to hear of it. */
  async passive(host = '127.0.0.1'): Promise<Socket> {
    const answer = await this.send('EPSV')
    const port = Number(/\(\|\|\|(\d+)\|\)/.exec(answer.text)?.[1])
    if (answer.code !== 229 || !Number.isInteger(port)) throw new Error(`${answer.code} ${answer.text}`)
    const socket = connectSocket({ port, host, noDelay: true })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }

  /** Does the TLS handshake on a data connection, with the session of the control connection. */
  async protect(data: Socket, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const session = this.#session
    const socket = connectTls({
      socket: data,
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
      ...options,
    })
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    return socket
  }

  /** A download over a passive connection, protected if `options` are given: what came, and the replies after the first one. */
  async download(
    command: string,
    options?: ConnectionOptions,
  ): Promise<{ readonly bytes: Buffer; readonly opening: FtpReply; readonly end: FtpReply }> {
    const raw = await this.passive()
    const opening = await this.send(command)
    if (opening.code >= 400) {
      raw.destroy()
      return { bytes: Buffer.alloc(0), opening, end: opening }
    }
    const data = options === undefined ? raw : await this.protect(raw, options)
    const bytes = await readAll(data)
    return { bytes, opening, end: await this.reply() }
  }

  /** An upload over a passive connection, protected if `options` are given. */
  async upload(
    command: string,
    bytes: Uint8Array | string,
    options?: ConnectionOptions,
  ): Promise<{ readonly opening: FtpReply; readonly end: FtpReply }> {
    const raw = await this.passive()
    const opening = await this.send(command)
    if (opening.code >= 400) {
      raw.destroy()
      return { opening, end: opening }
    }
    const data = options === undefined ? raw : await this.protect(raw, options)
    data.on('error', () => undefined)
    data.resume()
    data.end(bytes)
    return { opening, end: await this.reply() }
  }

  close(): void {
    this.#socket.destroy()
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1')
      this.#wake()
    })
    const end = (): void => {
      this.#closed = true
      this.#wake()
    }
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async #next<Value>(take: () => Value | undefined, what: string, closedIsFine = false): Promise<Value> {
    const deadline = performance.now() + this.#deadlineMilliseconds
    for (;;) {
      const value = take()
      if (value !== undefined) return value
      if (this.#closed && !closedIsFine)
        throw new Error(`The connection was closed instead of ${what}; it said: ${JSON.stringify(this.#received)}`)
      const left = deadline - performance.now()
      if (left <= 0)
        throw new Error(
          `No ${what} within ${this.#deadlineMilliseconds} ms after ${JSON.stringify(this.#sent)}; received: ${JSON.stringify(this.#received)}`,
        )
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

/** All that comes until the end. Rejects if the connection breaks. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function once(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once(event, () => {
      socket.off('error', reject)
      resolve()
    })
  })
}
