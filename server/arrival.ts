/** A client that has come: its connection, and both ends of it as the client sees them. */
import type { Socket } from 'node:net'
import { plainAddress } from './config/network.ts'
import { type Address, canonicalAddress } from './data/address.ts'
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

/** A connection that was not read yet. */
export function directArrival(socket: Socket): Arrival {
  return {
    socket,
    peer: { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
    local: new LocalEnd(socket),
    first: undefined,
  }
}

/** Few sessions ask for it, and to look costs a call. */
class LocalEnd implements Address {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get address(): string {
    return plainAddress(this.#socket.localAddress ?? '')
  }

  get port(): number {
    return this.#socket.localPort ?? 0
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
