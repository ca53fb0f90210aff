/** An FTP client that costs little: it makes load, and looks at nothing but reply codes and numbers of bytes. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

export type Target = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly tls: boolean
  /** As a proxy that tells of itself, with version 1 of the PROXY protocol. */
  readonly proxied?: boolean
}

const replyTimeoutMilliseconds = 120_000

function introduce(socket: Socket, { proxied = false }: Target): void {
  if (!proxied) return
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  socket.write(`PROXY TCP4 ${localAddress} ${remoteAddress} ${localPort} ${remotePort}\r\n`)
}

export class LoadClient {
  readonly #target: Target
  #control: Socket
  #session: Buffer | undefined
  #text = ''
  #waiting: { resolve: (reply: string) => void; reject: (error: Error) => void } | undefined
  #replies: string[] = []
  #loss: Error | undefined

  private constructor(target: Target, control: Socket) {
    this.#target = target
    this.#control = control
    this.#listen(control)
  }

  /** Connects and logs in, with protected data connections under TLS. Rejects on any reply but success. */
  static async login(target: Target): Promise<LoadClient> {
    const socket = connect({ host: target.host, port: target.port, noDelay: true })
    await once(socket, 'connect')
    introduce(socket, target)
    const client = new LoadClient(target, socket)
    await client.#reply('220')
    if (target.tls) await client.#protect()
    await client.command(`USER ${target.user}`, '331')
    await client.command(`PASS ${target.password}`, '230')
    await client.command('TYPE I', '200')
    if (target.tls) {
      await client.command('PBSZ 0', '200')
      await client.command('PROT P', '200')
    }
    return client
  }

  /** Resolves to the reply; rejects if it begins with none of the given. */
  async command(line: string, ...expected: readonly string[]): Promise<string> {
    this.#control.write(`${line}\r\n`)
    return this.#reply(...expected)
  }

  /** Resolves to the number of bytes that came. */
  async download(line: string): Promise<number> {
    const data = await this.#openData()
    await this.command(line, '150', '125')
    const stream = await this.#protectData(data)
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await ended(stream)
    stream.destroy()
    await this.#reply('226', '250')
    return bytes
  }

  async upload(line: string, block: Uint8Array, bytes: number): Promise<void> {
    const data = await this.#openData()
    await this.command(line, '150', '125')
    const stream = await this.#protectData(data)
    stream.resume()
    for (let left = bytes; left > 0; left -= block.length) {
      const more = stream.write(left >= block.length ? block : block.subarray(0, left))
      if (!more) await once(stream, 'drain')
    }
    stream.end()
    await this.#reply('226', '250')
    stream.destroy()
  }

  async quit(): Promise<void> {
    await this.command('QUIT', '221')
    this.close()
  }

  close(): void {
    this.#control.destroy()
  }

  async #protect(): Promise<void> {
    await this.command('AUTH TLS', '234')
    const plain = this.#control
    plain.removeAllListeners('data')
    const secure = connectTls({ socket: plain, rejectUnauthorized: false })
    secure.on('session', session => {
      this.#session = session
    })
    await once(secure, 'secureConnect')
    this.#control = secure
    this.#listen(secure)
  }

  async #openData(): Promise<Socket> {
    const reply = await this.command('EPSV', '229')
    const port = Number(/\|(\d+)\|/.exec(reply)?.[1])
    const socket = connect({ host: this.#target.host, port, noDelay: true })
    // TLSSocket reads with buffers of its own size anyway.
    await once(socket, 'connect')
    introduce(socket, this.#target)
    return socket
  }

  async #protectData(socket: Socket): Promise<Socket | TLSSocket> {
    if (!this.#target.tls) return socket
    const session = this.#session
    const secure = connectTls({ socket, rejectUnauthorized: false, ...(session === undefined ? {} : { session }) })
    secure.on('session', next => {
      this.#session = next
    })
    await once(secure, 'secureConnect')
    return secure
  }

  #listen(control: Socket): void {
    control.on('data', (chunk: Buffer) => this.#onData(chunk))
    const onLoss = (error?: Error) => this.#lose(error ?? new Error('the control connection was closed'))
    control.on('error', onLoss)
    control.on('close', () => onLoss())
  }

  #lose(error: Error): void {
    this.#loss ??= error
    this.#waiting?.reject(this.#loss)
    this.#waiting = undefined
  }

  #onData(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end < 0) return
      const line = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 2)
      if (/^\d{3} /.test(line)) this.#arrive(line)
    }
  }

  #arrive(line: string): void {
    if (this.#waiting === undefined) return void this.#replies.push(line)
    this.#waiting.resolve(line)
    this.#waiting = undefined
  }

  async #reply(...expected: readonly string[]): Promise<string> {
    const line = this.#replies.shift() ?? (await this.#nextReply())
    if (!expected.some(code => line.startsWith(code))) throw new Error(`${expected.join(' or ')} expected: ${line}`)
    return line
  }

  #nextReply(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    if (this.#loss !== undefined) return Promise.reject(this.#loss)
    const timer = setTimeout(() => this.#lose(new Error('no reply in time')), replyTimeoutMilliseconds)
    this.#waiting = { resolve, reject }
    return promise.finally(() => clearTimeout(timer))
  }
}

function ended(stream: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('end', resolve)
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('the data connection was closed')))
  })
}
