/** A port that is listened on for all sessions that wait on it. Whose a connection is, it knows by where it comes from and by the TLS session it goes on with. */
import { createServer, type Server, type Socket } from 'node:net'
import { plainAddress } from '../../config/network.ts'
import { acceptUndelayed } from '../../listening/accepted-options.ts'
import { FirstBytes } from '../../proxy-protocol/first-bytes.ts'
import { receiveProxyHeader } from '../../proxy-protocol/receive.ts'
import { canonicalAddress } from '../address.ts'
import { acceptBare } from '../bare-acceptance.ts'
import type { BareConnection } from '../bare-connection.ts'
import type { SocketCalls } from '../kernel/socket-calls.ts'
import { parseClientHello } from './client-hello.ts'
import {
  mostClaimants,
  PassivePort,
  type PassivePortHost,
  type PassivePortOptions,
  type Undecided,
} from './passive-port.ts'

export type PassiveListenerOptions = {
  readonly port: number
  /** A local address. */
  readonly host: string
  /** Undefined where connections need sockets in any case. */
  readonly socketCalls: SocketCalls | undefined
  /** A session has left; another one of this client can have its place. */
  readonly onRelease: (client: string | undefined) => void
  /** It does not listen any more. */
  readonly onClose: () => void
}

/** Resolves when the port is listened on. Rejects with what the system says. */
export async function openPassiveListener(options: PassiveListenerOptions): Promise<PassiveListener> {
  // Half-open, so that close_notify can follow the client's FIN.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port: options.port, host: options.host, backlog: 511, exclusive: true }, resolve)
  await listening
  server.off('error', reject)
  return new PassiveListener(server, options)
}

/** How long a client may still come to a port that it was told and has given up. */
const lateMilliseconds = 1000

/** Where a connection comes from, and of those who waited when it came, whose it may be, those who wait still. */
type Origin = { readonly address: string; readonly candidates: Set<PassivePort> }

export class PassiveListener implements PassivePortHost {
  readonly number: number
  readonly #server: Server
  readonly #options: PassiveListenerOptions
  readonly #waiting: PassivePort[] = []
  /** Until when somebody may come late, by client; the monotonic clock. */
  readonly #late = new Map<string | undefined, number>()
  /** Their proxy has not said whom it speaks for. */
  readonly #announced = new Set<Socket>()
  /** What has not said which session it goes on with. */
  readonly #undecided = new Map<FirstBytes, Origin>()
  #closed = false

  constructor(server: Server, options: PassiveListenerOptions) {
    this.number = options.port
    this.#server = server
    this.#options = options
    // Without delay, or small transfers wait 40 ms for Nagle's algorithm.
    const setOptions = acceptUndelayed(server)
    server.on('connection', socket => {
      setOptions?.(socket)
      this.#onConnection(socket)
    })
    const { socketCalls } = options
    if (setOptions === undefined && socketCalls !== undefined)
      acceptBare(server, socketCalls, connection => this.#takeBare(connection))
    server.on('error', () => this.close())
  }

  /** Sessions that wait here. */
  get count(): number {
    return this.#waiting.length
  }

  /** Those of a client. */
  countOf(client: string | undefined): number {
    return this.#waiting.filter(({ options }) => options.client === client).length
  }

  /** Lets a session wait here; undefined where its client's connection could be taken for another's. */
  reserve(options: PassivePortOptions): PassivePort | undefined {
    if (this.#closed || !this.#hasPlace(options)) return undefined
    const port = new PassivePort(options, this)
    this.#waiting.push(port)
    return port
  }

  release(port: PassivePort, came: 'came' | 'absent'): void {
    const { client } = port.options
    if (came === 'absent') this.#expectLate(client)
    this.#waiting.splice(this.#waiting.indexOf(port), 1)
    if (this.#waiting.length === 0) this.#destroyUndecided()
    else this.#forsake(port)
    this.#options.onRelease(client)
  }

  /** Takes a connection that another server has relayed, as if it had come from that address. */
  take(first: FirstBytes, address: string): void {
    first.socket.on('error', ignore)
    if (this.count === 0) first.socket.resetAndDestroy()
    else this.#consider(first, address)
  }

  /** Ends the waiting of all. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const port of [...this.#waiting]) port.close()
    this.#server.close()
    this.#destroyUndecided()
    this.#options.onClose()
  }

  /** Sessions with proof of whose a connection is share a port; without, it is one's alone. */
  #hasPlace({ client, owns, user }: PassivePortOptions): boolean {
    for (const { options: other } of this.#waiting) {
      if (user !== undefined && other.user === user && other.client === client) return false
      // Whose client could be the same.
      const isRival = client === undefined || other.client === undefined || other.client === client
      if (isRival && (owns === undefined || other.owns === undefined)) return false
    }
    return owns !== undefined || !this.#mayComeLate(client)
  }

  #expectLate(client: string | undefined): void {
    const now = performance.now()
    for (const [other, until] of this.#late) if (until <= now) this.#late.delete(other)
    this.#late.delete(client)
    this.#late.set(client, now + lateMilliseconds)
  }

  #mayComeLate(client: string | undefined): boolean {
    if (this.#late.size === 0) return false
    const clients = client === undefined ? this.#late.keys() : [client, undefined]
    const now = performance.now()
    for (const each of clients) if ((this.#late.get(each) ?? 0) > now) return true
    return false
  }

  /** Where it can be one session's only, by its address alone. */
  #takeBare(connection: BareConnection): boolean {
    if (this.count === 0) return false
    const { remoteAddress } = connection
    if (remoteAddress === undefined) return false
    const address = plainAddress(remoteAddress)
    if (this.#anyone?.options.proxies?.include(address) === true) return false
    const candidates = this.#candidates(address)
    return candidates.length === 1 && candidates[0]?.offerBare(connection) === 'taken'
  }

  #onConnection(socket: Socket): void {
    socket.on('error', ignore)
    const { remoteAddress } = socket
    // Without an address it is gone already; without anybody who waits it would be refused if the port were not kept.
    if (remoteAddress === undefined || this.count === 0) return void socket.resetAndDestroy()
    const address = plainAddress(remoteAddress)
    const first = new FirstBytes(socket)
    const proxies = this.#anyone?.options.proxies
    if (proxies?.include(address) !== true) return this.#consider(first, address)
    this.#receiveHeader(first, address, proxies.headerTimeoutSeconds).catch(() => socket.destroy())
  }

  /** Who it is, only the proxy can tell. */
  async #receiveHeader(first: FirstBytes, proxy: string, timeoutSeconds: number): Promise<void> {
    const { socket } = first
    if (this.#announced.size >= mostClaimants * this.count) return this.#drop(socket, proxy)
    this.#announced.add(socket)
    const header = await receiveProxyHeader(first, timeoutSeconds)
    this.#announced.delete(socket)
    if (header.kind !== 'header') return this.#drop(socket, proxy)
    if (this.count > 0) this.#consider(first, plainAddress(header.ends?.source.address ?? proxy))
    else socket.destroy()
  }

  #consider(first: FirstBytes, address: string): void {
    const candidates = this.#candidates(address)
    const [only] = candidates
    // RFC 2577 and more: a stranger gets nothing, and does not cost the client its port.
    if (only === undefined) return this.#drop(first.socket, address)
    if (candidates.some(({ options }) => options.owns !== undefined))
      return this.#decideLater(first, address, candidates)
    // Several, because a reload has widened who is expected: nothing tells whose it is.
    if (candidates.length > 1 || only.offer(first) === 'no') this.#drop(first.socket, address)
  }

  /** Whom a connection from there can be for. */
  #candidates(address: string): readonly PassivePort[] {
    const client = canonicalAddress(address)
    const found = this.#waiting.filter(
      ({ options }) => (options.client ?? client) === client && options.isExpected(address),
    )
    // A reload can widen who is expected.
    return found.length > 0 ? found : this.#waiting.filter(({ options }) => options.isExpected(address))
  }

  get #anyone(): PassivePort | undefined {
    return this.#waiting[0]
  }

  #decideLater(first: FirstBytes, address: string, candidates: readonly PassivePort[]): void {
    if (this.#countUndecided(candidates) >= mostClaimants * candidates.length) return this.#drop(first.socket, address)
    this.#undecided.set(first, { address, candidates: new Set(candidates) })
    for (const port of candidates) port.noteUndecided()
    first
      .read(bytes => parseClientHello(bytes).kind !== 'incomplete')
      .then(() => this.#decide(first))
      .catch(() => first.socket.destroy())
  }

  /** Those that may be a client of one of them: others take no room away from these. */
  #countUndecided(ports: readonly PassivePort[]): number {
    let count = 0
    for (const { candidates } of this.#undecided.values()) if (ports.some(port => candidates.has(port))) count += 1
    return count
  }

  /** Who came before a session was told the port is not its client: without those who waited then, it is nobody's. */
  #forsake(port: PassivePort): void {
    for (const [first, { candidates }] of this.#undecided) {
      if (!candidates.delete(port) || candidates.size > 0) continue
      this.#undecided.delete(first)
      first.socket.destroy()
    }
  }

  #decide(first: FirstBytes): void {
    const origin = this.#undecided.get(first)
    if (origin === undefined) return
    this.#undecided.delete(first)
    const hello = parseClientHello(first.bytes)
    const candidates = [...origin.candidates].filter(({ options }) => options.isExpected(origin.address))
    const owner = hello.kind === 'hello' ? candidates.find(({ options }) => options.owns?.(hello)) : undefined
    // With nobody else there it is for the handshake to say.
    const chosen = owner ?? (candidates.length === 1 ? candidates[0] : undefined)
    if (chosen === undefined || chosen.offer(first) === 'no') this.#drop(first.socket, origin.address)
    for (const port of origin.candidates) if (port !== chosen) port.noteUndecided()
  }

  undecidedFor(port: PassivePort): Undecided {
    const own: FirstBytes[] = []
    const anybodys: FirstBytes[] = []
    if (port.options.owns === undefined) return { own, anybodys }
    for (const [first, { candidates }] of this.#undecided)
      if (candidates.has(port)) (candidates.size === 1 ? own : anybodys).push(first)
    return { own, anybodys }
  }

  #destroyUndecided(): void {
    // Most often both are empty, and even then to go through them and to clear them costs.
    if (this.#announced.size + this.#undecided.size === 0) return
    for (const socket of this.#announced) socket.destroy()
    for (const { socket } of this.#undecided.keys()) socket.destroy()
    this.#undecided.clear()
  }

  #drop(socket: Socket, address: string): void {
    socket.destroy()
    this.#anyone?.options.onStray(address, this.number)
  }
}

function ignore(): void {}
