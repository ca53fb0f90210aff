/** The handshakes of one session by Node's TLS: sockets become TLSSockets. */
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { shakeHands, TlsError, unusableCertificate } from './handshake.ts'
import type { HandshakeKind, HandshakeLane, HandshakeLanes, HandshakeParty } from './handshake-lanes.ts'
import type { HostCertificate } from './host-certificate.ts'
import type { Resumable } from './kin.ts'
import { type Purpose, protocolOf } from './protocol-names.ts'
import { SecureChannel } from './secure-channel.ts'
import { sessionIdOf } from './serialized-session.ts'
import { type Demand, nameOf, type SessionKeys } from './session-keys.ts'
import { TlsWire, type WireInput } from './wire.ts'

/** Of the session that it does handshakes for. */
export type NodeEngineOptions = {
  readonly keys: SessionKeys
  readonly host: HostCertificate
  readonly timeoutSeconds: number
}

/** What a handshake is for. `input` reads the socket, if there is one. */
export type Handshake = {
  readonly purpose: Purpose
  readonly signal: AbortSignal
  readonly demand: Demand
  readonly input?: WireInput | undefined
}

export class NodeEngine implements HandshakeParty {
  readonly #keys: SessionKeys
  readonly #host: HostCertificate
  readonly #timeoutSeconds: number
  #purpose: Purpose = 'control'
  #lastFailure: Error | undefined
  /** Of the control connection. */
  #protocol: SecureChannel['protocol'] | undefined
  /** The connection whose handshake is under way, and whose session it would resume if not this one's. */
  #socket: Socket | undefined
  #lentBy: Resumable | undefined
  #mayBegin = true
  #previous: Promise<void> | undefined

  constructor({ keys, host, timeoutSeconds }: NodeEngineOptions) {
    this.#keys = keys
    this.#host = host
    this.#timeoutSeconds = timeoutSeconds
  }

  /** On a paused socket. Rejects with TlsError, with the socket destroyed. */
  async secure(socket: Socket, options: Handshake): Promise<SecureChannel> {
    const channel = await this.#enqueue(socket, options)
    if (options.purpose !== 'control') return channel
    this.#protocol = channel.protocol
    if (channel.protocol === 'TLSv1.2') this.#rememberSession(channel.stream.getSession())
    return channel
  }

  get ticketKeys(): Buffer {
    return this.#keys.ticketKeys
  }

  get mayBegin(): boolean {
    return this.#mayBegin
  }

  keysOfOther(name: Buffer): Buffer | undefined {
    return this.#borrow(other => (nameOf(other).equals(name) ? other.ticketKeys : undefined))
  }

  sessionWithId(id: string): Buffer | undefined {
    return this.#keys.sessionWithId(id) ?? this.#borrow(other => other.sessionWithId(id))
  }

  keepSession(id: string, session: Buffer): void {
    this.#keys.keepSession(id, session)
  }

  selectProtocol(offered: readonly string[]): string | undefined {
    return protocolOf(this.#purpose, offered)
  }

  mayName(host: string): boolean {
    if (this.#purpose !== 'control' || this.#host.isServed(host)) return true
    // Node would only close the connection; so far nothing was said, and an alert is in clear text.
    this.#socket?.write(unrecognizedName)
    return false
  }

  contextOf(): SecureContext | undefined {
    return this.#purpose === 'control' ? this.#host.lanesOfHost?.context : undefined
  }

  onFailure(error: Error): void {
    this.#lastFailure = error
  }

  #borrow(find: (other: Resumable) => Buffer | undefined): Buffer | undefined {
    if (this.#purpose === 'control') return undefined
    const loan = this.#keys.lending.find(find)
    if (loan !== undefined) this.#lentBy = loan.lender
    return loan?.found
  }

  // One handshake at a time: tls.Server does not say which of the streams it was given a connection came from.
  async #enqueue(socket: Socket, options: Handshake): Promise<SecureChannel> {
    const begin = (): Promise<SecureChannel> => this.#handshake(socket, options)
    const handshake = this.#previous === undefined ? begin() : this.#previous.then(begin)
    // Without its result: a connection that was closed long ago would be kept in memory.
    const over = handshake.then(ignore, ignore)
    this.#previous = over
    try {
      return await handshake
    } finally {
      if (this.#previous === over) this.#previous = undefined
    }
  }

  async #handshake(socket: Socket, { purpose, signal, demand, input }: Handshake): Promise<SecureChannel> {
    const { lanes } = this.#host
    const lane = this.#takeLane(lanes, this.#kindOf(purpose), socket)
    const { server } = lane
    this.#purpose = purpose
    this.#socket = socket
    this.#lastFailure = undefined
    this.#lentBy = undefined
    this.#mayBegin = demand === 'none'
    const wire = purpose === 'send' ? undefined : new TlsWire(socket, purpose === 'control' ? 'control' : 'data', input)
    return shakeHands({
      server,
      stream: wire ?? socket,
      socket,
      signal,
      timeoutSeconds: this.#timeoutSeconds,
      failure: () => this.#lastFailure,
      secured: stream => {
        const channel = new SecureChannel(stream, wire, socket)
        if (channel.resumed) this.#mayBegin = true
        if (channel.resumed && this.#lentBy !== undefined) this.#keys.lending.noteLender(channel, this.#lentBy)
        return channel
      },
      // In TLS 1.3 the tickets are made right after the event.
      afterwards: () => lanes.giveBack(lane),
    })
  }

  #takeLane(lanes: HandshakeLanes, kind: HandshakeKind, socket: Socket): HandshakeLane {
    try {
      return lanes.take(this, kind)
    } catch (cause) {
      socket.destroy()
      throw new TlsError('failed', unusableCertificate, { cause })
    }
  }

  #kindOf(purpose: Purpose): HandshakeKind {
    if (purpose === 'control') return this.#host.nameMatters ? 'named' : 'first'
    // Sessions belong to a version (RFC 8446 section 4.6.1), and those of TLS 1.3 have no IDs.
    return this.#protocol === 'TLSv1.3' ? 'resuming with tickets' : 'resuming'
  }

  /** curl resumes by session IDs only. */
  #rememberSession(session: Buffer | undefined): void {
    const id = session && sessionIdOf(session)
    if (session !== undefined && id !== undefined) this.#keys.keepSession(id.toString('hex'), session)
  }
}

/** A fatal alert, unrecognized_name (RFC 8446 section 6.2, RFC 6066 section 3). */
const unrecognizedName = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70)

function ignore(): void {}
