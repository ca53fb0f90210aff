/** A client that has come: its connection, and both ends of it as the client sees them. */
import type { Socket } from 'node:net'
import { plainAddress } from './config/network.ts'
import { type Address, canonicalAddress } from './data/address.ts'
import { type BareConnection, bareOf } from './data/bare-connection.ts'
import type { SocketCalls } from './data/kernel/socket-calls.ts'
import type { FirstBytes } from './proxy-protocol/first-bytes.ts'
import type { ProxiedEnds } from './proxy-protocol/header.ts'

export type Arrival = {
  /** Paused. */
  readonly socket: Socket
  readonly peer: Address
  readonly local: Address
  /** What was read of a connection that a proxy has announced; to be given back before anybody reads. */
  readonly first: FirstBytes | undefined
}

/** The same without a socket of Node's. */
export type BareArrival = {
  readonly bare: BareConnection
  readonly peer: Address
  /** Where it is another one than the connection's own. */
  readonly local?: Address | undefined
}

/** Undefined where the client has gone already. */
export function bareArrival(bare: BareConnection): BareArrival | undefined {
  const end = bare.remoteEnd
  return end && { bare, peer: { address: plainAddress(end.address), port: end.port } }
}

/** The connection of an arrival without its socket, if nothing was read of it; the arrival itself where that can't be. */
export function withoutSocket(arrival: Arrival, calls: SocketCalls): Arrival | BareArrival {
  const { socket, peer, local } = arrival
  if (socket.readableLength > 0) return arrival
  const taken = bareOf(socket, calls)
  if (taken === undefined) return arrival
  return { bare: taken.connection, peer, local: local instanceof LocalEnd ? undefined : local }
}

/** A connection that was not read yet. */
export function directArrival(socket: Socket): Arrival {
  return {
    socket,
    peer: { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
    local: localEnd(socket),
    first: undefined,
  }
}

/** Few sessions ask for it, and to look costs a call. */
export function localEnd(connection: HasLocalEnd): Address {
  return new LocalEnd(connection)
}

type HasLocalEnd = { readonly localAddress?: string | undefined; readonly localPort?: number | undefined }

class LocalEnd implements Address {
  readonly #connection: HasLocalEnd

  constructor(connection: HasLocalEnd) {
    this.#connection = connection
  }

  get address(): string {
    return plainAddress(this.#connection.localAddress ?? '')
  }

  get port(): number {
    return this.#connection.localPort ?? 0
  }
}

/** A connection that a proxy has announced; one for the proxy itself has no ends but its own. */
export function proxiedArrival(first: FirstBytes, ends: ProxiedEnds | undefined): Arrival {
  const direct = directArrival(first.socket)
  if (ends === undefined) return { ...direct, first }
  return { ...direct, first, peer: canonical(ends.source), local: canonical(ends.destination) }
}

function canonical({ address, port }: Address): Address {
  return { address: canonicalAddress(address), port }
}
