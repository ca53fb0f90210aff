/** Relays connections for passive ports of other servers to those. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { plainAddress } from '../config/network.ts'
import type { ServerConfiguration } from '../config/schema.ts'
import { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import type { ProxiedEnds } from '../proxy-protocol/header.ts'
import { receiveProxyHeader } from '../proxy-protocol/receive.ts'
import { TrustedNetworks } from '../proxy-protocol/trusted-networks.ts'
import { joinSockets } from './joined.ts'
import { nonceBytes, signedHeader } from './signed-header.ts'
import type { RelayFailure, RelayTelemetry } from './telemetry.ts'

export type RelaysOptions = {
  /** In force now. */
  readonly configuration: () => ServerConfiguration
  readonly secrets: () => readonly string[]
  readonly telemetry: RelayTelemetry
}

/** Nobody else has to wait because ports that have no owner, or one that is gone, are connected to. */
const mostWaiting = 64
const mostConnecting = 256

type Peer = NonNullable<ServerConfiguration['relay']['ports'][number]['peer']>

/** Close it. */
export class Relays {
  readonly #options: RelaysOptions
  readonly #proxies = new TrustedNetworks()
  readonly #sockets = new Set<Socket>()
  /** They wait for another configuration. */
  readonly #waiting = new Set<() => void>()
  /** By address, connections that are not there yet. */
  readonly #connecting = new Map<string, number>()
  #active = 0
  #onIdle: (() => void) | undefined
  #closed = false

  constructor(options: RelaysOptions) {
    this.#options = options
  }

  /** Another configuration is in force: who waits for an owner may have one. */
  follow(): void {
    for (const resume of this.#waiting) resume()
  }

  /** Relays a connection that has come to a port; paused, and not read. Resolves when it is over. */
  async relay(socket: Socket, port: number): Promise<void> {
    const { telemetry } = this.#options
    socket.on('error', ignore)
    const address = plainAddress(socket.remoteAddress ?? '')
    if (this.#closed || address === '') return void socket.destroy()
    if (this.#active >= this.#options.configuration().relay.maxConnections) {
      telemetry.relayFailed('too-many', address, port)
      return void socket.resetAndDestroy()
    }
    this.#active += 1
    this.#sockets.add(socket)
    try {
      const failure = await this.#relay(new FirstBytes(socket), address, port)
      if (failure === undefined) return
      telemetry.relayFailed(failure, address, port)
      if (!socket.destroyed) socket.resetAndDestroy()
    } finally {
      this.#active -= 1
      this.#sockets.delete(socket)
      if (this.#active === 0) this.#onIdle?.()
    }
  }

  /** Resolves when nothing is relayed, or after so long. */
  async idle(graceMilliseconds: number): Promise<void> {
    if (this.#active === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, graceMilliseconds)
      this.#onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#onIdle = undefined
  }

  /** Breaks off what is left. */
  close(): void {
    this.#closed = true
    for (const resume of this.#waiting) resume()
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async #relay(first: FirstBytes, address: string, port: number): Promise<RelayFailure | undefined> {
    const { secrets, telemetry } = this.#options
    const { socket } = first
    const ends = await this.#endsOf(first, address, port)
    if (ends === undefined) return 'bad-proxy-header'
    const deadline = performance.now() + this.#options.configuration().relay.connectTimeoutSeconds * 1000
    const peer = await this.#ownerOf(port, deadline)
    if (peer === undefined) return 'owner-unknown'
    const [secret] = secrets()
    if (secret === undefined) return 'no-secret'
    if (socket.destroyed) return 'client-gone'
    const owner = await this.#connect(peer, deadline)
    if (typeof owner === 'string') return owner
    if (socket.destroyed || this.#closed) {
      owner.destroy()
      return 'client-gone'
    }
    this.#sockets.add(owner)
    telemetry.relayBegun()
    owner.write(signedHeader(ends, { now: Date.now(), nonce: randomBytes(nonceBytes) }, secret))
    const { result, fromFirst, fromSecond } = await joinSockets(first.giveBack(), owner)
    this.#sockets.delete(owner)
    telemetry.relayEnded(result, { toOwner: fromFirst, toClient: fromSecond })
    return undefined
  }

  /** The client, by its connection or by what a proxy in front says, and the port it has come to. */
  async #endsOf(first: FirstBytes, address: string, port: number): Promise<ProxiedEnds | undefined> {
    const { passive, limits } = this.#options.configuration()
    const { remotePort = 0, localAddress = '' } = first.socket
    const destination = { address: plainAddress(localAddress), port }
    const direct = { source: { address, port: remotePort }, destination }
    if (!this.#proxies.have(address, passive.proxyProtocol.trustedNetworks)) return direct
    const header = await receiveProxyHeader(first, limits.proxyHeaderTimeoutSeconds)
    if (header.kind !== 'header') return undefined
    return header.ends === undefined ? direct : { source: header.ends.source, destination }
  }

  /** Waits until it is known, or the monotonic clock has reached the deadline. */
  async #ownerOf(port: number, deadline: number): Promise<Peer | undefined> {
    for (;;) {
      const { ports } = this.#options.configuration().relay
      const peer = ports.find(({ first, last }) => first <= port && port <= last)?.peer
      const milliseconds = deadline - performance.now()
      if (peer !== undefined || milliseconds <= 0 || this.#closed || this.#waiting.size >= mostWaiting) return peer
      await new Promise<void>(resolve => {
        const resume = (): void => {
          clearTimeout(timer)
          this.#waiting.delete(resume)
          resolve()
        }
        const timer = setTimeout(resume, milliseconds)
        this.#waiting.add(resume)
      })
    }
  }

  async #connect(peer: Peer, deadline: number): ReturnType<typeof connectTo> {
    const count = this.#connecting.get(peer.address) ?? 0
    if (count >= mostConnecting) return 'owner-silent'
    this.#connecting.set(peer.address, count + 1)
    const outcome = await connectTo(peer, deadline)
    const left = (this.#connecting.get(peer.address) ?? 1) - 1
    if (left > 0) this.#connecting.set(peer.address, left)
    else this.#connecting.delete(peer.address)
    return outcome
  }
}

/** A connected socket, or why there is none; the deadline is of the monotonic clock. */
function connectTo(
  { address, port }: Peer,
  deadline: number,
): Promise<Socket | Extract<RelayFailure, 'owner-refused' | 'owner-silent'>> {
  const socket = connect({
    host: address,
    port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMilliseconds,
  })
  return new Promise(resolve => {
    const timer = setTimeout(
      () => {
        socket.destroy()
        resolve('owner-silent')
      },
      Math.max(1, deadline - performance.now()),
    )
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
    socket.on('error', () => {
      clearTimeout(timer)
      resolve('owner-refused')
    })
  })
}

const keepAliveMilliseconds = 30_000

function ignore(): void {}
