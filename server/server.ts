/** The FTP server: listeners, who may come in, and in which process a session is served. close() drains. */
import type { Socket } from 'node:net'
import { type Arrival, bareArrival, directArrival, proxiedArrival } from './arrival.ts'
import type { Bans } from './bans/bans.ts'
import type { CertificateFiles, Configuration } from './config/configuration.ts'
import type { Language } from './config/schema/language.ts'
import type { ListenerConfiguration } from './config/schema.ts'
import type { Violation } from './config/validate.ts'
import type { Connection } from './control/connection.ts'
import { formatReply, reply } from './control/reply.ts'
import type { BareConnection } from './data/bare-connection.ts'
import { translated } from './language/languages.ts'
import { Listeners } from './listening/listeners.ts'
import { FirstBytes } from './proxy-protocol/first-bytes.ts'
import { receiveProxyHeader } from './proxy-protocol/receive.ts'
import { TrustedNetworks } from './proxy-protocol/trusted-networks.ts'
import type { Admission } from './sessions/admission.ts'
import type { Place, SessionHost } from './sessions/session-host.ts'
import type { Sessions } from './sessions/sessions.ts'
import { WaitingSockets } from './sessions/waiting-sockets.ts'
import type { RefusalReason, Telemetry } from './telemetry/telemetry.ts'
import type { WorkerPool } from './workers/worker-pool.ts'

export type ServerOptions = {
  readonly configuration: Configuration
  readonly telemetry: Pick<Telemetry, 'connectionRefused' | 'fault'>
  readonly admission: Admission
  readonly bans: Pick<Bans, 'isBanned'>
  /** Those of this process. */
  readonly sessions: Sessions
  readonly workers: WorkerPool
  /** The certificate that is used while the configuration has none. */
  readonly createCertificate: () => Promise<CertificateFiles>
}

export class FtpServer {
  readonly #options: ServerOptions
  readonly #listeners: Listeners
  readonly #proxies = new TrustedNetworks()
  /** Their header is not there yet. */
  readonly #announced = new WaitingSockets()
  /** There seems to be no place for them. */
  readonly #refused = new WaitingSockets()
  #configuration: Configuration
  #fallbackCertificate: CertificateFiles | undefined
  #draining = false

  constructor(options: ServerOptions) {
    this.#options = options
    this.#configuration = options.configuration
    const calls = options.sessions.socketCalls
    this.#listeners = new Listeners({
      onConnection: (socket, listener) => this.#take(socket, listener),
      onError: error => options.telemetry.fault(error),
      ...(calls && { bare: { calls, take: (connection, listener) => this.#takeBare(connection, listener) } }),
    })
  }

  /** Opens what the configuration names and closes what it does not. Resolves to what can't be listened on; calling again tries again. */
  async listen(): Promise<readonly Violation[]> {
    if (this.#draining) return []
    return this.#listeners.apply(this.#configuration.server.listeners)
  }

  /** Puts a configuration in force for all sessions, in all processes; listen() is for the ports. Resolves when each has it. */
  async apply(configuration: Configuration): Promise<void> {
    await this.#prepareCertificate(configuration)
    const inForce = { configuration, fallbackCertificate: this.#fallbackCertificate }
    this.#options.sessions.apply(inForce)
    await this.#options.workers.apply(inForce)
    this.#configuration = configuration
  }

  /** What all processes have in force. */
  get configuration(): Configuration {
    return this.#configuration
  }

  /** The certificate that new handshakes get. */
  get certificate(): CertificateFiles | undefined {
    return this.#configuration.certificate ?? this.#fallbackCertificate
  }

  /** Sessions of this process. */
  get connections(): Iterable<Connection> {
    return this.#options.sessions.connections
  }

  /** Sessions of all processes. */
  get sessionCount(): number {
    return this.#options.admission.sessions
  }

  /** Whether there is a process that could take a session. */
  get isServing(): boolean {
    return this.#options.workers.isServing
  }

  /** The ports that are listened on, by the listener's name. */
  get ports(): ReadonlyMap<string, number> {
    return this.#listeners.ports
  }

  /** Takes no new sessions, ends idle ones, lets transfers finish until the deadline, then closes everything. */
  async close(graceMilliseconds: number): Promise<void> {
    this.#draining = true
    this.#announced.destroy()
    this.#refused.destroy()
    const { sessions, workers } = this.#options
    // The listeners stay until then: a client who is still sent here gets 421 instead of silence.
    await Promise.all([sessions.close(graceMilliseconds), workers.close(graceMilliseconds)])
    this.#listeners.close()
  }

  /** Whatever is not the usual case comes again, with a socket. */
  #takeBare(connection: BareConnection, listener: ListenerConfiguration): boolean {
    const { admission, bans } = this.#options
    const arrival = bareArrival(connection)
    if (arrival === undefined) return false
    const { address } = arrival.peer
    if (this.#proxies.have(address, listener.proxyProtocol.trustedNetworks) || bans.isBanned(address)) return false
    const host = this.#chooseHost(address)
    if (typeof host === 'string') return false
    host.serve(arrival, listener, new AdmittedPlace(admission, address))
    return true
  }

  #take(socket: Socket, listener: ListenerConfiguration): void {
    // Whoever has gone already has no address any more, by which it could be let in.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    const arrival = directArrival(socket)
    if (!this.#proxies.have(arrival.peer.address, listener.proxyProtocol.trustedNetworks))
      return this.#accept(arrival, listener)
    this.#receive(arrival, listener).catch(error => {
      socket.destroy()
      this.#options.telemetry.fault(error)
    })
  }

  /** Who the client is, and so whether it may come in, only its proxy can tell. */
  async #receive({ socket, peer: proxy }: Arrival, listener: ListenerConfiguration): Promise<void> {
    const { maxSessions, proxyHeaderTimeoutSeconds } = this.#configuration.server.limits
    const { telemetry } = this.#options
    if (this.#draining || this.#announced.size >= maxSessions) {
      telemetry.connectionRefused(listener.name, proxy.address, this.#draining ? 'draining' : 'too-many-sessions')
      return void socket.destroy()
    }
    const first = new FirstBytes(socket)
    const header = await this.#announced.hold(socket, receiveProxyHeader(first, proxyHeaderTimeoutSeconds))
    if (header.kind === 'header') return this.#accept(proxiedArrival(first, header.ends), listener)
    // No answer: what it is to understand nobody knows.
    socket.destroy()
    if (header.kind === 'closed') return
    const reason = header.kind === 'invalid' ? 'bad-proxy-header' : 'no-proxy-header'
    telemetry.connectionRefused(listener.name, proxy.address, reason, header.reason)
  }

  #accept(arrival: Arrival, listener: ListenerConfiguration, places: 'as told' | 'as they are' = 'as told'): void {
    const { admission, bans, telemetry, workers } = this.#options
    const { socket, first, peer } = arrival
    const { address } = peer
    // Before anything else: who is banned gets no answer, which would cost time and a socket that lingers.
    if (bans.isBanned(address)) {
      telemetry.connectionRefused(listener.name, address, 'banned')
      return void socket.destroy()
    }
    const host = this.#chooseHost(address)
    if (typeof host !== 'string') return host.serve(arrival, listener, new AdmittedPlace(admission, address))
    const mayHavePlace = full.includes(host) && !workers.isEmpty && this.#refused.size < mostRefused
    if (mayHavePlace && places === 'as told') {
      this.#acceptLater(arrival, listener).catch(error => telemetry.fault(error))
      return
    }
    telemetry.connectionRefused(listener.name, address, host)
    first?.giveBack()
    refuse(socket, listener, this.#configuration.server.language)
  }

  /** A worker may not have told yet that a session has ended, whose client comes back at once. */
  async #acceptLater(arrival: Arrival, listener: ListenerConfiguration): Promise<void> {
    await this.#refused.hold(arrival.socket, this.#options.workers.bringUpToDate())
    if (!arrival.socket.destroyed) this.#accept(arrival, listener, 'as they are')
  }

  /** Takes a place for a connection, or says why there is none. */
  #chooseHost(address: string): SessionHost | RefusalReason {
    if (this.#draining) return 'draining'
    const { admission, sessions, workers } = this.#options
    const host = workers.choose()
    if (host === undefined) return 'no-worker'
    const refusal = admission.admit(address, this.#configuration.server.limits)
    return refusal ?? (host === 'here' ? sessions : host)
  }

  async #prepareCertificate(configuration: Configuration): Promise<void> {
    if (
      configuration.certificate !== undefined ||
      configuration.server.listeners.every(({ tls }) => tls === 'disabled')
    )
      return
    this.#fallbackCertificate ??= await this.#options.createCertificate()
  }
}

/** That has been taken. */
class AdmittedPlace implements Place {
  readonly #admission: Admission
  readonly #address: string
  #isTaken = true

  constructor(admission: Admission, address: string) {
    this.#admission = admission
    this.#address = address
  }

  giveUp(): void {
    if (this.#isTaken) this.#admission.leave(this.#address)
    this.#isTaken = false
  }

  end(): void {
    this.giveUp()
  }
}

const full: readonly RefusalReason[] = ['too-many-sessions', 'too-many-sessions-of-address']
/** So many clients wait at once for what workers have to tell; the others are refused as it seems. */
const mostRefused = 64

const refusalLingerMilliseconds = 1000

function refuse(socket: Socket, listener: ListenerConfiguration, language: Language): void {
  socket.on('error', () => socket.destroy())
  // Under implicit TLS nobody would understand a reply in clear text.
  if (listener.tls === 'implicit') return void socket.destroy()
  const answer = reply(421, 'Too many sessions or going down: try again later.')
  socket.end(formatReply(translated(answer, language)))
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), refusalLingerMilliseconds)
  socket.once('close', () => clearTimeout(timer))
}
