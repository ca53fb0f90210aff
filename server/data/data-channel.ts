/** The data connection of one session: set up by PASV, EPSV, PORT or EPRT, opened by a transfer. */
import { isIPv6, type Socket } from 'node:net'
import { after } from '../at-once.ts'
import type { Configuration } from '../config/configuration.ts'
import type { DataChannelControl } from '../control/command.ts'
import { TrustedNetworks } from '../proxy-protocol/trusted-networks.ts'
import { TlsError } from '../tls/handshake.ts'
import type { TlsConnection } from '../tls/openssl/tls-connection.ts'
import type { SecureChannel } from '../tls/secure-channel.ts'
import type { Demand } from '../tls/session-keys.ts'
import type { SessionTls } from '../tls/session-tls.ts'
import { connectActive } from './active.ts'
import { type Address, canonicalAddress } from './address.ts'
import { BareConnection, bareOf } from './bare-connection.ts'
import { SocketConnection } from './connection.ts'
import type { DataConnection } from './data-connection.ts'
import { DataChannelError } from './error.ts'
import { type AdvertisedAddresses, advertisedPort } from './passive/advertised-address.ts'
import type { PassivePorts } from './passive/passive.ts'
import type { PassivePort, PassivePortOptions } from './passive/passive-port.ts'
import type { PassiveListenOptions } from './passive/passive-request.ts'
import { TlsDataConnection } from './tls-data-connection.ts'

export type DataChannelOptions = {
  /** With the ends as the client sees them. */
  readonly session: { readonly peer: Address; readonly local: Address }
  /** The server's own end of the control connection: a proxy may be between the two. */
  readonly boundAddress: () => string
  readonly configuration: () => Configuration
  readonly passivePorts: PassivePorts
  readonly advertisedAddresses: AdvertisedAddresses
  /** TLS of the control connection, kept after CCC. */
  readonly tls: () => SessionTls | undefined
  /** Whether data goes under TLS, as things are (PROT). */
  readonly isPrivate: () => boolean
  /** Who is logged in. */
  readonly user?: () => string | undefined
  /** Whether the session gets no port twice before it has had all. */
  readonly inTurn?: () => boolean
  readonly onStray: (address: string, port: number) => void
  readonly onTlsFailure: (message: string) => void
}

type Setup =
  | { readonly kind: 'none' }
  | { readonly kind: 'passive'; readonly port: PassivePort }
  | { readonly kind: 'active'; readonly target: Address }

const none: Setup = { kind: 'none' }

/** How long another one may take to come after the handshake of one has failed: the client may be on its way. */
const secondChanceMilliseconds = 1000

/** How long a session may take to log in when a data connection has come in its name. */
const loginMilliseconds = 2000

export class DataChannel implements DataChannelControl {
  readonly #options: DataChannelOptions
  readonly #proxies = new TrustedNetworks()
  #setup: Setup = none
  /** Counts what was set up, so that a port that opens late is not taken for the current one. */
  #generation = 0
  /** Ports that the session has had, where they are to be had in turn. */
  #had: Set<number> | undefined
  // Where addresses were hidden when the session began, its own may be that of a proxy.
  readonly #peerUnknown: boolean

  constructor(options: DataChannelOptions) {
    this.#options = options
    this.#peerUnknown = options.configuration().server.passive.peerCheck === 'off'
  }

  get state(): 'none' | 'passive' | 'active' {
    const setup = this.#setup
    return setup.kind === 'passive' && setup.port.expired ? 'none' : setup.kind
  }

  /** Whether the client has connected to the passive port, and nothing has to be read to know that it is the client. */
  get clientHasCome(): boolean {
    return this.#setup.kind === 'passive' && this.#setup.port.clientHasCome
  }

  listen(kind: 'pasv' | 'epsv'): Address | Promise<Address> {
    this.discard()
    const { session, advertisedAddresses } = this.#options
    const { server } = this.#options.configuration()
    const local = canonicalAddress(session.local.address)
    if (kind === 'pasv' && isIPv6(local)) throw new DataChannelError('wrong-family')
    const setting = advertisedAddresses.setting(server.passive, session.peer.address)
    if (setting === 'pending') throw new DataChannelError('no-address')
    if (kind === 'epsv') return this.#listenAt(local)
    const generation = this.#generation
    return after(advertisedAddresses.resolve(setting, local), address => {
      if (generation !== this.#generation) throw new DataChannelError('aborted')
      if (address === undefined) throw new DataChannelError('no-address')
      return this.#listenAt(address)
    })
  }

  /** The address is what the client is told. */
  #listenAt(address: string): Address | Promise<Address> {
    const generation = this.#generation
    const { server } = this.#options.configuration()
    return after(this.#options.passivePorts.listen(this.#request(generation)), port => {
      if (generation !== this.#generation) {
        port.close()
        throw new DataChannelError('aborted')
      }
      this.#setup = { kind: 'passive', port }
      this.#had?.add(port.port)
      return { address, port: advertisedPort(server.passive, port.port) }
    })
  }

  #request(generation: number): PassiveListenOptions {
    const { session } = this.#options
    const { server } = this.#options.configuration()
    const { ports, sharing, portWaitSeconds } = server.passive
    const peer = canonicalAddress(session.peer.address)
    const inTurn = this.#options.inTurn?.() === true
    return {
      address: canonicalAddress(this.#boundAddress()),
      ports,
      sharing,
      portWaitSeconds,
      isWanted: () => generation === this.#generation,
      avoided: inTurn ? (this.#had ??= new Set()) : undefined,
      client: this.#peerUnknown || server.passive.peerCheck === 'off' ? undefined : peer,
      isExpected: candidate =>
        this.#peerUnknown ||
        this.#options.configuration().server.passive.peerCheck === 'off' ||
        canonicalAddress(candidate) === peer,
      owns: sharing === 'auto' ? this.#ownership() : undefined,
      user: this.#options.user?.(),
      onStray: (from, at) => this.#options.onStray(from, at),
      acceptTimeoutSeconds: server.limits.passiveAcceptTimeoutSeconds,
      proxies: {
        include: candidate =>
          this.#proxies.have(candidate, this.#options.configuration().server.passive.proxyProtocol.trustedNetworks),
        headerTimeoutSeconds: server.limits.proxyHeaderTimeoutSeconds,
      },
      // An address is not much of a proof, and under TLS there is a better one.
      claimants: this.#options.tls() === undefined ? 'first' : 'several',
    }
  }

  target(address: Address): void {
    this.discard()
    this.#setup = { kind: 'active', target: address }
  }

  discard(): void {
    this.#generation++
    if (this.#setup.kind === 'passive') this.#setup.port.close()
    this.#setup = none
  }

  /** The same as `open` in clear text, where the client has come already; undefined elsewhere, and nothing is used up then. */
  openAtOnce(): DataConnection | undefined {
    const bare = this.#setup.kind === 'passive' ? this.#setup.port.acceptAtOnce() : undefined
    if (bare === undefined) return undefined
    this.#useUp()
    return new SocketConnection(bare)
  }

  /**
   * Opens what was set up, which is used up by it. Send the 150 reply before: clients begin TLS only after they have read it
   * (RFC 4217 section 10.2). To `send` is faster under TLS; `receive` can do both. Rejects with DataChannelError.
   */
  async open(
    protection: 'clear' | 'private',
    signal: AbortSignal,
    direction: 'send' | 'receive' = 'receive',
  ): Promise<DataConnection> {
    const setup = this.#useUp()
    const tls = this.#options.tls()
    if (protection === 'private' && setup.kind === 'passive' && tls !== undefined)
      return this.#openPrivate(setup.port, tls, signal, direction)
    const connected = await this.#connect(setup, signal)
    if (protection === 'clear') return new SocketConnection(connected)
    return this.#secure(connected instanceof BareConnection ? connected.socket() : connected, signal, direction)
  }

  #useUp(): Setup {
    const setup = this.#setup
    this.#setup = none
    this.#generation++
    return setup
  }

  /** Where the client will have to resume its TLS session, the first thing it says there tells whose connection it is. */
  #ownership(): PassivePortOptions['owns'] {
    const tls = this.#options.tls()
    if (tls === undefined || !this.#options.isPrivate() || !this.#demandsResumption(tls)) return undefined
    return hello => tls.hasIssued(hello)
  }

  #demandsResumption(tls: SessionTls): boolean {
    const { sessionReuse } = this.#options.configuration().server.tls
    return sessionReuse === 'required' || (sessionReuse === 'auto' && tls.resumptionExpected)
  }

  /** Whoever else has connected, and be it first: the client is who can do the handshake. */
  async #openPrivate(
    port: PassivePort,
    tls: SessionTls,
    signal: AbortSignal,
    direction: 'send' | 'receive',
  ): Promise<DataConnection> {
    let failure: DataChannelError | undefined
    try {
      for (;;) {
        const absent = failure === undefined ? undefined : secondChanceMilliseconds
        const patience = { silent: tls.handshakeTimeoutMilliseconds, absent }
        // A client that hangs up over a failure has failed all the same.
        const socket = await port.acceptSpeaking(signal, patience).catch(error => Promise.reject(failure ?? error))
        if (socket === undefined) throw failure ?? this.#nobodySpoke(port)
        try {
          return await this.#secure(socket, signal, direction)
        } catch (error) {
          if (!(error instanceof DataChannelError) || error.kind === 'aborted') throw error
          failure = error
        }
      }
    } finally {
      port.close()
    }
  }

  #nobodySpoke(port: PassivePort): DataChannelError {
    if (port.isClaimed) this.#options.onTlsFailure('nobody began a handshake in time')
    return new DataChannelError('timeout')
  }

  #boundAddress(): string {
    const address = this.#options.boundAddress()
    // The control connection is gone; without an address a port would be open at all of them.
    if (address === '') throw new DataChannelError('aborted')
    return address
  }

  async #connect(setup: Setup, signal: AbortSignal): Promise<Socket | BareConnection> {
    if (setup.kind === 'none') throw new DataChannelError('not-set-up')
    if (setup.kind === 'passive') return acceptPlain(setup.port, signal)
    return connectActive({
      target: setup.target,
      local: this.#boundAddress(),
      timeoutSeconds: this.#options.configuration().server.limits.activeConnectTimeoutSeconds,
      signal,
    })
  }

  async #secure(socket: Socket, signal: AbortSignal, direction: 'send' | 'receive'): Promise<DataConnection> {
    const session = this.#options.tls()
    if (session === undefined) {
      socket.destroy()
      throw new DataChannelError('tls-failed')
    }
    const demanded = this.#demandsResumption(session)
    const { channel, connection } = await this.#handshake(
      session,
      socket,
      signal,
      direction,
      demanded ? 'resumption' : 'none',
    )
    const isSame = session.isClientOf(channel)
    const resumed = await session.proves(channel, signal, demanded ? loginMilliseconds : 0)
    if (resumed || (!demanded && isSame)) {
      session.noteDataConnection({ resumed, protocol: channel.protocol }, direction)
      return connection
    }
    connection.destroy()
    this.#options.onTlsFailure(
      isSame
        ? 'the TLS session of the control connection was not resumed'
        : 'the certificate is not that of the control connection',
    )
    throw new DataChannelError(isSame ? 'not-resumed' : 'tls-failed')
  }

  async #handshake(
    session: SessionTls,
    socket: Socket,
    signal: AbortSignal,
    direction: 'send' | 'receive',
    demand: Demand,
  ): Promise<Secured> {
    try {
      return await secured(session, socket, signal, direction, demand)
    } catch (cause) {
      const kind = cause instanceof TlsError ? cause.kind : 'failed'
      if (kind === 'aborted') throw new DataChannelError('aborted', { cause })
      this.#options.onTlsFailure(cause instanceof Error ? cause.message : 'failed')
      throw new DataChannelError(kind === 'timeout' ? 'timeout' : 'tls-failed', { cause })
    }
  }
}

type Secured = { readonly channel: SecureChannel | TlsConnection; readonly connection: DataConnection }

/** By the way that the control connection has gone. */
async function secured(
  session: SessionTls,
  socket: Socket,
  signal: AbortSignal,
  direction: 'send' | 'receive',
  demand: Demand,
): Promise<Secured> {
  if (session.isBare && session.openssl !== undefined) {
    const bare = bareOf(socket, session.openssl.socketCalls)
    if (bare === undefined) {
      socket.destroy()
      throw new TlsError('failed', 'connection ended during the handshake')
    }
    const channel = await session.secureBareData(bare.connection, signal, direction, { early: bare.early, demand })
    return { channel, connection: new TlsDataConnection(channel, direction === 'receive' ? 'due' : 'sent') }
  }
  const channel = await session.secureData(socket, signal, direction, demand)
  return { channel, connection: new SocketConnection(socket, channel) }
}

function acceptPlain(port: PassivePort, signal: AbortSignal): Promise<Socket | BareConnection> {
  if (port.options.owns === undefined) return port.accept(signal)
  // Others wait there as well, and in clear text nothing would tell their clients from this one: PROT has changed since.
  port.close()
  return Promise.reject(new DataChannelError('not-set-up'))
}
