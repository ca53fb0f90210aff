/** One passive port: waits for the connection of one client, whoever else connects. */
import type { Server, Socket } from 'node:net'
import { plainAddress } from '../config/network.ts'
import { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import { receiveProxyHeader } from '../proxy-protocol/receive.ts'
import { DataChannelError } from './error.ts'

export type PassivePortOptions = {
  /** Whether a connection from this address is the client's. */
  readonly isExpected: (address: string) => boolean
  /** Told of each connection from somebody else; it is closed and uses nothing up. */
  readonly onStray: (address: string, port: number) => void
  readonly acceptTimeoutSeconds: number
  /** Proxies that say first whom they speak for; without this there are none. */
  readonly proxies?: { readonly include: (address: string) => boolean; readonly headerTimeoutSeconds: number }
  /** `first` of those expected is the client, and the port is free again as soon as it has come. `several` may come until one of them has proved to be. */
  readonly claimants?: 'first' | 'several'
}

/** How long to wait for somebody to speak, in milliseconds: while some are there, and while nobody is. */
type Patience = { readonly silent: number; readonly absent: number | undefined }

/** Those that are there at once, and proxies that have not said whom they speak for. */
const mostClaimants = 8

export class PassivePort {
  readonly port: number
  readonly #server: Server
  readonly #options: PassivePortOptions
  readonly #release: () => void
  readonly #timer: NodeJS.Timeout
  #state: 'listening' | 'connected' | 'expired' | 'closed' = 'listening'
  readonly #claimants: FirstBytes[] = []
  readonly #announced = new Set<Socket>()
  #listensToClaimants = false
  #onChange: (() => void) | undefined

  /** Takes a server that listens. `release` is called once, when the port is free again. */
  constructor(server: Server, port: number, options: PassivePortOptions, release: () => void) {
    this.port = port
    this.#server = server
    this.#options = options
    this.#release = release
    this.#timer = setTimeout(
      () => this.#settle(this.#claimants.length > 0 ? 'connected' : 'expired'),
      options.acceptTimeoutSeconds * 1000,
    )
    server.on('error', () => this.#settle('closed'))
    server.on('connection', socket => this.#onConnection(socket))
  }

  /** Whether nobody came in time: the port is free again then. */
  get expired(): boolean {
    return this.#state === 'expired'
  }

  /** Resolves to the first connection that can be the client's, paused. Rejects with DataChannelError `timeout` or `aborted`. Call it once: the port is closed then. */
  async accept(signal: AbortSignal): Promise<Socket> {
    try {
      while (this.#state === 'listening' && this.#claimants.length === 0 && !signal.aborted) {
        await this.#change(signal, undefined)
      }
      return this.#take(this.#claimants[0], signal).giveBack()
    } finally {
      this.close()
    }
  }

  /** Whether somebody is there whom nobody has taken. */
  get isClaimed(): boolean {
    return this.#claimants.length > 0
  }

  /**
   * Resolves to the next connection on which the other side has said something, and to a closed one where it has ended without; the
   * port stays as it is. Who connects and is silent holds nobody up. Undefined if nobody speaks in time. Rejects with DataChannelError
   * `aborted`.
   */
  async acceptSpeaking(signal: AbortSignal, patience: Patience): Promise<Socket | undefined> {
    this.#listensToClaimants = true
    for (const claimant of this.#claimants) this.#listenTo(claimant)
    for (;;) {
      const speaking = this.#claimants.find(({ bytes, ended }) => bytes.length > 0 || ended)
      if (speaking !== undefined || signal.aborted || this.#state === 'closed')
        return speaker(this.#take(speaking, signal))
      if (this.#state !== 'listening' && !this.isClaimed) return undefined
      const milliseconds = this.isClaimed ? patience.silent : patience.absent
      if ((await this.#change(signal, milliseconds)) === 'none') return undefined
    }
  }

  /** Frees the port, and closes connections that nobody has taken. */
  close(): void {
    this.#settle('closed')
    for (const { socket } of this.#claimants.splice(0)) socket.destroy()
  }

  #take(claimant: FirstBytes | undefined, signal: AbortSignal): FirstBytes {
    if (signal.aborted) {
      this.close()
      throw new DataChannelError('aborted', { cause: signal.reason })
    }
    if (claimant === undefined) throw new DataChannelError(this.#state === 'closed' ? 'aborted' : 'timeout')
    this.#claimants.splice(this.#claimants.indexOf(claimant), 1)
    return claimant
  }

  /** Resolves to `none` after so many milliseconds without one. */
  #change(signal: AbortSignal, milliseconds: number | undefined): Promise<'some' | 'none'> {
    return new Promise(resolve => {
      const settle = (change: 'some' | 'none'): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onChange)
        this.#onChange = undefined
        resolve(change)
      }
      const onChange = (): void => settle('some')
      const timer = milliseconds === undefined ? undefined : setTimeout(() => settle('none'), milliseconds)
      signal.addEventListener('abort', onChange)
      this.#onChange = onChange
    })
  }

  #onConnection(socket: Socket): void {
    socket.on('error', ignore)
    const address = socket.remoteAddress
    // Without an address it is gone already.
    if (this.#state !== 'listening' || address === undefined) {
      socket.destroy()
      return
    }
    const { proxies } = this.#options
    const first = new FirstBytes(socket)
    if (proxies?.include(plainAddress(address)) !== true) return this.#consider(first, plainAddress(address))
    this.#receiveHeader(first, plainAddress(address), proxies.headerTimeoutSeconds).catch(() => socket.destroy())
  }

  /** Who it is, only the proxy can tell. */
  async #receiveHeader(first: FirstBytes, proxy: string, timeoutSeconds: number): Promise<void> {
    const { socket } = first
    if (this.#announced.size >= mostClaimants) return this.#drop(socket, proxy)
    this.#announced.add(socket)
    const header = await receiveProxyHeader(first, timeoutSeconds)
    this.#announced.delete(socket)
    if (header.kind !== 'header') return this.#drop(socket, proxy)
    if (this.#state === 'listening') this.#consider(first, plainAddress(header.ends?.source.address ?? proxy))
    else socket.destroy()
  }

  #consider(first: FirstBytes, address: string): void {
    const { isExpected, claimants } = this.#options
    // RFC 2577 and more: a stranger gets nothing, and does not cost the client its port.
    if (!isExpected(address) || this.#claimants.length >= mostClaimants) return this.#drop(first.socket, address)
    this.#claimants.push(first)
    if (this.#listensToClaimants) this.#listenTo(first)
    if (claimants === 'several') this.#onChange?.()
    else this.#settle('connected')
  }

  #drop(socket: Socket, address: string): void {
    socket.destroy()
    this.#options.onStray(address, this.port)
  }

  #listenTo(claimant: FirstBytes): void {
    claimant.read(bytes => bytes.length > 0).then(() => this.#onChange?.(), ignore)
  }

  #settle(state: 'connected' | 'expired' | 'closed'): void {
    if (this.#state !== 'listening') {
      if (this.#state === 'connected' && state === 'closed') this.#state = state
      return
    }
    this.#state = state
    clearTimeout(this.#timer)
    this.#server.close()
    this.#release()
    for (const socket of this.#announced) socket.destroy()
    this.#onChange?.()
  }
}

function speaker(claimant: FirstBytes): Socket {
  // Whoever reads it later would wait for an end that has passed.
  return claimant.bytes.length === 0 && claimant.ended ? claimant.socket.destroy() : claimant.giveBack()
}

function ignore(): void {}
