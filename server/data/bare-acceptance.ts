/** Connections that are accepted, here or by another process, before there is a socket of Node's. */
import { type Server, Socket } from 'node:net'
import { BareConnection } from './bare-connection.ts'
import { type Handle, type HandleKind, handleKindOf, handleOf, isHandle, ofAccepted } from './bare-handle.ts'
import type { SocketCalls } from './kernel/socket-calls.ts'

/**
 * Gives each connection of a server that listens to `take` before there is a socket. Where that returns false, the server emits one. At most
 * `atOnce` are accepted in a turn of the event loop: Node itself accepts one, and a long turn, with much to do for those that are there, would
 * leave all others waiting for as many turns as they are.
 */
export function acceptBare(
  server: Server,
  calls: SocketCalls,
  take: (connection: BareConnection) => boolean,
  atOnce = 1,
): void {
  const listening: unknown = Reflect.get(server, '_handle')
  const accept: unknown = Reflect.get(Object(listening), 'onconnection')
  if (typeof accept !== 'function') return
  let isKnown: boolean | undefined
  let Kind: HandleKind | undefined
  const give = (handle: Handle): void => {
    if (!take(new BareConnection(handle, calls))) Reflect.apply(accept, listening, [0, handle])
  }
  Reflect.set(Object(listening), 'onconnection', (status: unknown, handle: Handle) => {
    if (status === 0 && isKnown === undefined) {
      isKnown = isHandle(handle)
      Kind = handleKindOf(handle)
    }
    if (status !== 0 || isKnown !== true) return void Reflect.apply(accept, listening, [status, handle])
    give(handle)
    if (Kind === undefined) return
    for (let more = 1; more < atOnce; more++) {
      const next = acceptedNext(listening, calls, Kind)
      if (next === undefined) return
      give(next)
    }
  })
}

/** The next connection that waits; undefined where none does, or the server has been closed. */
function acceptedNext(listening: unknown, calls: SocketCalls, Kind: HandleKind): Handle | undefined {
  const descriptor: unknown = Reflect.get(Object(listening), 'fd')
  const accepted = typeof descriptor === 'number' && descriptor >= 0 ? calls.accept(descriptor) : undefined
  return accepted === undefined ? undefined : handleOf(accepted, Kind)
}

/**
 * Makes connections of descriptors that another process has accepted. What they are made of is found on the first one, which is a socket; where
 * that can't be, all are.
 */
export class ReceivedConnections {
  readonly #calls: SocketCalls | undefined
  #kind: HandleKind | undefined
  #isKnown = false

  constructor(calls: SocketCalls | undefined) {
    this.#calls = calls
  }

  /** The descriptor belongs to the connection. Throws where it is none. */
  take(descriptor: number): BareConnection | Socket {
    if (this.#kind !== undefined && this.#calls !== undefined) {
      const handle = handleOf(descriptor, this.#kind)
      if (handle !== undefined) return new BareConnection(handle, this.#calls)
    }
    const socket = new Socket({ ...ofAccepted, fd: descriptor })
    if (!this.#isKnown) this.#kind = handleKindOf(Reflect.get(socket, '_handle'))
    this.#isKnown = true
    return socket
  }
}
