/** The connections that a worker is handed: by their descriptors, which need no socket of Node's, or by the channel, with one. */
import { Socket } from 'node:net'
import { bareArrival, directArrival } from '../arrival.ts'
import { ReceivedConnections } from '../data/bare-acceptance.ts'
import { BareConnection } from '../data/bare-connection.ts'
import { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import type { Place } from '../sessions/session-host.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { tryReceiving } from './descriptor-channel.ts'
import { type Handover, HandoverReader } from './handover.ts'
import type { ToWorker } from './messages.ts'
import type { Outbox } from './outbox.ts'

export type HandedConnectionsOptions = {
  readonly outbox: Outbox
  /** Who serves them; undefined before there is a configuration, when none come. */
  readonly sessions: () => Sessions | undefined
}

export class HandedConnections {
  readonly #options: HandedConnectionsOptions
  readonly #reader = new HandoverReader()
  #received: ReceivedConnections | undefined
  #sessionsInAll = 0
  #lastByChannel = 0

  constructor(options: HandedConnectionsOptions) {
    this.#options = options
  }

  /** Of all processes, as was said last. */
  get sessionsInAll(): number {
    return this.#sessionsInAll
  }

  /** Takes those that come by descriptors; undefined where none do. */
  receive(descriptor: number): ReturnType<typeof tryReceiving> {
    return tryReceiving(descriptor, (connection, words) => {
      const handover = this.#reader.read(words)
      this.#serve(handover, connection === undefined ? undefined : this.#connectionOf(connection))
    })
  }

  takeByChannel(handover: Handover, socket: unknown): void {
    this.#lastByChannel = handover.session
    this.#serve(handover, socket instanceof Socket ? socket : undefined)
  }

  /** One that was sent by the channel and has not come never will. */
  noteSent(session: number): void {
    if (session !== this.#lastByChannel) this.#options.outbox.ended(session, 'at once')
  }

  /** A data connection that another server has relayed. */
  takeRelayed({ port, address, early }: Extract<ToWorker, { kind: 'relayed' }>, socket: unknown): void {
    if (!(socket instanceof Socket)) return
    // As the listeners of passive ports have it, and nothing is to be read of it before it is known whose it is.
    socket.allowHalfOpen = true
    const first = new FirstBytes(socket, early).hold()
    if (this.#options.sessions()?.takeRelayed(port, first, address) !== 'taken') socket.resetAndDestroy()
  }

  #connectionOf(descriptor: number): BareConnection | Socket {
    this.#received ??= new ReceivedConnections(this.#options.sessions()?.socketCalls)
    return this.#received.take(descriptor)
  }

  /** Without a connection where the process had no room for one. */
  #serve(handover: Handover, connection: BareConnection | Socket | undefined): void {
    this.#sessionsInAll = handover.sessionsInAll
    const place = new HandedPlace(this.#options.outbox, handover)
    const sessions = this.#options.sessions()
    const arrival = connection && arrivalOf(connection, handover)
    // A client that was gone before its connection arrived leaves none.
    if (arrival === undefined || sessions === undefined) return place.end()
    sessions.serve(arrival, handover.listener, place)
  }
}

/** That the supervisor has counted. */
class HandedPlace implements Place {
  readonly #outbox: Outbox
  readonly #handover: Handover

  constructor(outbox: Outbox, handover: Handover) {
    this.#outbox = outbox
    this.#handover = handover
  }

  giveUp(): void {
    this.#outbox.say({ kind: 'place-given-up', session: this.#handover.session })
  }

  end(): void {
    const { session, isScarce } = this.#handover
    this.#outbox.ended(session, isScarce ? 'at once' : 'later')
  }
}

/** Undefined for one that has gone since: it has no address any more, by which it is known. */
function arrivalOf(connection: BareConnection | Socket, { proxied }: Handover) {
  if (connection instanceof BareConnection) {
    const arrival = bareArrival(connection)
    if (arrival === undefined) connection.close()
    return arrival
  }
  // As the listeners have it: a client may close its side and still wants the replies to what it sent.
  connection.allowHalfOpen = true
  if (proxied !== undefined) {
    const { early, ...ends } = proxied
    if (early.length > 0) connection.unshift(early)
    return { ...directArrival(connection), ...ends }
  }
  if (connection.remoteAddress !== undefined) return directArrival(connection)
  connection.destroy()
  return undefined
}
