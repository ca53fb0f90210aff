/** One passive port: waits for one connection of one client. */
import type { Server, Socket } from 'node:net'
import { plainAddress } from '../config/network.ts'
import { DataChannelError } from './error.ts'

export type PassivePortOptions = {
  /** Whether a connection from this address is the client's. */
  readonly isExpected: (address: string) => boolean
  /** Told of each connection from somebody else; it is closed and uses nothing up. */
  readonly onStray: (address: string, port: number) => void
  readonly acceptTimeoutSeconds: number
}

export class PassivePort {
  readonly port: number
  readonly #server: Server
  readonly #release: () => void
  readonly #timer: NodeJS.Timeout
  #state: 'listening' | 'connected' | 'expired' | 'closed' = 'listening'
  #socket: Socket | undefined
  #onSettled: (() => void) | undefined

  /** Takes a server that listens. `release` is called once, when the port is free again. */
  constructor(server: Server, port: number, options: PassivePortOptions, release: () => void) {
    this.port = port
    this.#server = server
    this.#release = release
    this.#timer = setTimeout(() => this.#settle('expired'), options.acceptTimeoutSeconds * 1000)
    server.on('error', () => this.#settle('closed'))
    server.on('connection', socket => this.#onConnection(socket, options))
  }

  /** Whether nobody came in time: the port is free again then. */
  get expired(): boolean {
    return this.#state === 'expired'
  }

  /** Resolves to the client's connection, paused. Rejects with DataChannelError `timeout` or `aborted`. Call it once. */
  async accept(signal: AbortSignal): Promise<Socket> {
    if (this.#state === 'listening' && !signal.aborted) await this.#settled(signal)
    if (signal.aborted) {
      this.close()
      throw new DataChannelError('aborted', { cause: signal.reason })
    }
    const socket = this.#socket
    this.#socket = undefined
    if (socket === undefined) throw new DataChannelError(this.#state === 'closed' ? 'aborted' : 'timeout')
    return socket
  }

  /** Frees the port, and closes a connection that nobody has taken. */
  close(): void {
    this.#settle('closed')
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #settled(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const settle = () => {
        signal.removeEventListener('abort', settle)
        resolve()
      }
      signal.addEventListener('abort', settle)
      this.#onSettled = settle
    })
  }

  #onConnection(socket: Socket, options: PassivePortOptions): void {
    socket.on('error', ignore)
    const address = socket.remoteAddress
    // Without an address it is gone already.
    if (this.#state !== 'listening' || address === undefined) {
      socket.destroy()
      return
    }
    if (!options.isExpected(plainAddress(address))) {
      // RFC 2577 and more: a stranger gets nothing, and does not cost the client its port.
      socket.destroy()
      options.onStray(plainAddress(address), this.port)
      return
    }
    this.#socket = socket
    this.#settle('connected')
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
    this.#onSettled?.()
  }
}

function ignore(): void {}
