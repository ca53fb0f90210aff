/** The ports for control connections: opened, closed and changed as the configuration says. */
import { createServer, type Server, type Socket } from 'node:net'
import type { ListenerConfiguration } from '../config/schema.ts'
import type { Violation } from '../config/validate.ts'
import { acceptBare } from '../data/bare-acceptance.ts'
import type { BareConnection } from '../data/bare-connection.ts'
import type { SocketCalls } from '../data/kernel/socket-calls.ts'
import { acceptedOptions } from './accepted-options.ts'
import { ListenError, listenOn } from './listen.ts'

type Wanted = { readonly listener: ListenerConfiguration; readonly index: number; readonly address: string }
type Open = { readonly server: Server; listener: ListenerConfiguration }

/** More come with the next turn of the event loop, so that those that are there get theirs. */
const acceptedAtOnce = 32

export type ListenersOptions = {
  readonly onConnection: (socket: Socket, listener: ListenerConfiguration) => void
  readonly onError: (error: unknown) => void
  /** For connections without a socket: one that is not taken comes with one. */
  readonly bare?: {
    readonly calls: SocketCalls
    readonly take: (connection: BareConnection, listener: ListenerConfiguration) => boolean
  }
}

export class Listeners {
  readonly #options: ListenersOptions
  readonly #open = new Map<string, Open>()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Opens what is new, closes what is gone; sessions that came in by a closed one go on. Resolves to what can't be listened on, by its place in the configuration; calling again tries again. */
  async apply(listeners: readonly ListenerConfiguration[]): Promise<readonly Violation[]> {
    const wanted = new Map<string, Wanted>(
      listeners.flatMap((listener, index) =>
        listener.addresses.map(address => [`${address} ${listener.port}`, { listener, index, address }] as const),
      ),
    )
    for (const [key, { server }] of this.#open) {
      if (wanted.has(key)) continue
      server.close()
      this.#open.delete(key)
    }
    const violations: Violation[] = []
    for (const [key, { listener, index, address }] of wanted) {
      const open = this.#open.get(key)
      if (open !== undefined) {
        open.listener = listener
        continue
      }
      try {
        await this.#listen(key, listener, address)
      } catch (error) {
        if (!(error instanceof ListenError)) throw error
        violations.push(error.violation(`listeners[${index}]`))
      }
    }
    return violations
  }

  /** The ports that are listened on, by the listener's name. */
  get ports(): ReadonlyMap<string, number> {
    const ports = new Map<string, number>()
    for (const { server, listener } of this.#open.values()) {
      const bound = server.address()
      if (bound !== null && typeof bound === 'object') ports.set(listener.name, bound.port)
    }
    return ports
  }

  close(): void {
    for (const { server } of this.#open.values()) server.close()
    this.#open.clear()
  }

  async #listen(key: string, listener: ListenerConfiguration, address: string): Promise<void> {
    const server = createServer({
      // A client may close its side and still wants the replies to what it sent.
      allowHalfOpen: true,
      // What comes is for the process that serves the client to read.
      pauseOnConnect: true,
    })
    await listenOn(server, listener.port, address)
    const { onConnection, onError, bare } = this.#options
    const accepted = acceptedOptions(server)
    const open = { server, listener }
    this.#open.set(key, open)
    server.on('connection', socket => {
      if (!accepted.areInherited()) accepted.set(socket)
      onConnection(socket, open.listener)
    })
    server.on('error', onError)
    if (bare === undefined) return
    const take = (connection: BareConnection): boolean => {
      if (!accepted.areInherited()) accepted.set(connection)
      return bare.take(connection, open.listener)
    }
    acceptBare(server, bare.calls, take, acceptedAtOnce)
  }
}
