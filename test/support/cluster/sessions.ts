/** FTP sessions with a server in a cluster: each passive connection is made at the address and the port that clients are told. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../eventually.ts'
import { FtpClient, type FtpReply, readAll } from '../ftp-client.ts'

export type Place = { readonly host: string; readonly port: number; readonly via?: Place | undefined }
export type Mode = { readonly passive: 'EPSV' | 'PASV'; readonly secure: boolean }

export const modes: readonly Mode[] = [
  { passive: 'EPSV', secure: false },
  { passive: 'PASV', secure: false },
  { passive: 'EPSV', secure: true },
  { passive: 'PASV', secure: true },
]

/** The server said 421: it is going down, and the session is over. */
class SentAway extends Error {
  override readonly name = 'SentAway'
}

const connectMilliseconds = 8000
const chunkBytes = 16_384
const paceMilliseconds = 50

export class ClusterSession {
  readonly client: FtpClient
  /** Passive ports that were given out, one for each transfer. */
  readonly ports: number[] = []
  readonly #place: Place
  readonly #mode: Mode

  private constructor(client: FtpClient, place: Place, mode: Mode) {
    this.client = client
    this.#place = place
    this.#mode = mode
  }

  /** Connects and logs in. Rejects with SentAway if the server is going down. */
  static async open(place: Place, mode: Mode = { passive: 'EPSV', secure: false }): Promise<ClusterSession> {
    const client = FtpClient.over(await dial(place))
    try {
      demand('the greeting', await client.reply(), 220)
      if (mode.secure) await client.loginSecurely()
      else await client.login()
      await client.send('TYPE I')
      return new ClusterSession(client, place, mode)
    } catch (error) {
      client.close()
      throw error instanceof Error && /\b421\b/.test(error.message) ? new SentAway(error.message) : error
    }
  }

  close(): void {
    this.client.close()
  }

  /** Sends a command and demands the code of its reply. */
  async command(command: string, code: number): Promise<FtpReply> {
    return demand(command, await this.client.send(command), code)
  }

  /** Uploads a file, lists it, takes it back and compares it; three passive transfers. */
  async roundTrip(name: string, bytes = 20_000): Promise<void> {
    const content = randomBytes(bytes)
    await this.upload(name, content)
    const listing = (await this.#download(`LIST ${name}`)).toString('latin1')
    if (!listing.includes(` ${bytes} `) || !listing.includes(name)) throw new Error(`LIST: ${listing}`)
    same(name, await this.#download(`RETR ${name}`), content)
  }

  async upload(name: string, content: Uint8Array): Promise<void> {
    const data = await this.#open(`STOR ${name}`)
    data.resume()
    data.end(content)
    demand(`STOR ${name}`, await this.client.reply(), 226)
  }

  async download(name: string): Promise<Buffer> {
    return this.#download(`RETR ${name}`)
  }

  /** A transfer that takes as long as it is not told to hurry; resolves when it has begun. */
  async begin(
    kind: 'upload' | 'download',
    name: string,
    content: Uint8Array,
    hurry: AbortSignal,
  ): Promise<SlowTransfer> {
    const data = await this.#open(`${kind === 'upload' ? 'STOR' : 'RETR'} ${name}`)
    const finished = kind === 'upload' ? this.#send(data, content, hurry) : this.#receive(data, name, content, hurry)
    // Whoever awaits it later still learns of it.
    finished.catch(() => undefined)
    return { name, finished }
  }

  async #send(data: Socket, content: Uint8Array, hurry: AbortSignal): Promise<void> {
    data.resume()
    for (let at = 0; at < content.length; at += chunkBytes) {
      if (!data.write(content.subarray(at, at + chunkBytes))) await once(data, 'drain')
      await pause(hurry)
    }
    data.end()
    demand('STOR', await this.client.reply(), 226)
  }

  async #receive(data: Socket, name: string, content: Uint8Array, hurry: AbortSignal): Promise<void> {
    const received: Buffer[] = []
    for await (const chunk of data) {
      received.push(chunk as Buffer)
      await pause(hurry)
    }
    demand('RETR', await this.client.reply(), 226)
    same(name, Buffer.concat(received), content)
  }

  async #download(command: string): Promise<Buffer> {
    const bytes = await readAll(await this.#open(command))
    demand(command, await this.client.reply(), 226)
    return bytes
  }

  /** The data connection of a command, made right after the reply that tells the port. */
  async #open(command: string): Promise<Socket> {
    const { passive, secure } = this.#mode
    const answer = await this.command(passive, passive === 'EPSV' ? 229 : 227)
    const { host, via } = this.#place
    const target = passive === 'EPSV' ? { host, port: extendedPort(answer) } : address(answer)
    this.ports.push(target.port)
    const raw = await dial({ ...target, via })
    const opening = await this.client.send(command)
    if (opening.code !== 150) raw.destroy()
    demand(command, opening, 150)
    const data = secure ? await this.client.protect(raw) : raw
    // What goes wrong shows in the reply and in the content.
    data.on('error', () => undefined)
    return data
  }
}

export type SlowTransfer = { readonly name: string; readonly finished: Promise<void> }

function demand(what: string, answer: FtpReply, code: number): FtpReply {
  if (answer.code === code) return answer
  const message = `${what}: ${answer.code} ${answer.text}`
  throw answer.code === 421 ? new SentAway(message) : new Error(message)
}

function same(name: string, is: Uint8Array, expected: Uint8Array): void {
  const [one, other] = [is, expected].map(content => createHash('sha256').update(content).digest('hex'))
  if (one !== other) throw new Error(`${name} has ${is.length} bytes that are not the ${expected.length} expected`)
}

function extendedPort({ text }: FtpReply): number {
  return Number(/\(\|\|\|(\d+)\|\)/.exec(text)?.[1])
}

function address({ text }: FtpReply): Place {
  const numbers = /\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)/.exec(text)
  const [, host = '', high, low] = numbers ?? []
  return { host: host.replaceAll(',', '.'), port: Number(high) * 256 + Number(low) }
}

async function dial({ via, ...place }: Place): Promise<Socket> {
  const signal = AbortSignal.timeout(connectMilliseconds)
  const socket = connect({ ...(via ?? place), noDelay: true })
  try {
    await once(socket, 'connect', { signal })
    if (via !== undefined) await passOn(socket, place, signal)
    return socket
  } catch (cause) {
    socket.destroy()
    throw new Error(`No connection to ${place.host}:${place.port}`, { cause })
  }
}

/** Tells a proxy (see proxy-pod.ts) where to, and waits until it is there. */
async function passOn(socket: Socket, { host, port }: Place, signal: AbortSignal): Promise<void> {
  socket.write(`${host} ${port}\n`)
  await once(socket, 'readable', { signal })
  if (socket.read(1)?.toString() !== '+') throw new Error('The proxy could not connect')
}

/** What makes a transfer slow; not a wait for anything. */
async function pause(hurry: AbortSignal): Promise<void> {
  await delay(paceMilliseconds, undefined, { signal: hurry }).catch(() => undefined)
}

/** kube-proxy takes a moment to learn of a server that is ready. */
export async function reachable(place: Place): Promise<void> {
  await eventually(
    async () => {
      ;(await ClusterSession.open(place)).close()
      return true
    },
    `${place.host}:${place.port} answers`,
    10_000,
  )
}
