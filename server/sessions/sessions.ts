/** The sessions of one process, and the configuration they follow. close() drains. */
import { randomFillSync } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Arrival, type BareArrival, withoutSocket } from '../arrival.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { UsedCodes } from '../auth/used-codes.ts'
import { clientKey } from '../bans/client-key.ts'
import type { OffenceReports } from '../bans/offence-reports.ts'
import { ChecksumTurns } from '../checksums/turns.ts'
import { commands } from '../commands/index.ts'
import type { CertificateFiles, Configuration } from '../config/configuration.ts'
import { hostNamed } from '../config/hosts.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { Connection } from '../control/connection.ts'
import { commandTable } from '../control/dispatch.ts'
import { InputMemory } from '../control/input/control-input.ts'
import type { Services } from '../control/services.ts'
import { isProbeSession, type Session } from '../control/session/session.ts'
import type { Sendfile } from '../data/kernel/sendfile.ts'
import type { SocketCalls } from '../data/kernel/socket-calls.ts'
import { transferMeans } from '../data/means.ts'
import { AdvertisedAddresses } from '../data/passive/advertised-address.ts'
import { PassivePorts } from '../data/passive/passive.ts'
import type { PortShare } from '../data/passive/port-order.ts'
import { Bandwidth, type BandwidthShares } from '../data/rate/bandwidth.ts'
import type { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import type { SessionStatus } from '../telemetry/status.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { CertificateLanes } from '../tls/certificate-lanes.ts'
import { Kin, type Member } from '../tls/kin.ts'
import { loadOpenSsl, type OpenSsl } from '../tls/openssl/openssl.ts'
import { SessionTls } from '../tls/session-tls.ts'
import type { SharedState } from '../workers/shared-state.ts'
import { Examples } from './examples.ts'
import { Roster } from './roster.ts'
import type { Place, SessionHost } from './session-host.ts'

/** A configuration, and the certificate that is used while it has none. */
export type InForce = {
  readonly configuration: Configuration
  readonly fallbackCertificate: CertificateFiles | undefined
}

export type SessionsOptions = {
  readonly inForce: InForce
  readonly telemetry: Telemetry
  readonly authenticator: Authenticator
  readonly openStorage: Services['openStorage']
  readonly shared: SharedState
  /** What sessions of other processes have of the rates that all share; without it there are no others. */
  readonly bandwidthShares?: BandwidthShares
  readonly offences: OffenceReports
  /** Without it files are read and written. */
  readonly sendfile: Sendfile | undefined
  /** Sessions of all processes, for STAT. */
  readonly sessionsInAll: () => number
  /** The same, each of them, for SITE WHO. */
  readonly who: Services['who']
  readonly portShare: () => PortShare
  /** The last session has ended. */
  readonly onIdle?: () => void
}

const sweepMilliseconds = 1000

export class Sessions implements SessionHost {
  /** What bare connections need; undefined where there are to be sockets. */
  readonly socketCalls: SocketCalls | undefined
  readonly #services: Services
  readonly #connections = new Roster<Connection>()
  /** Some that have ended. While a process is at rest it collects, and V8 throws away what it has compiled for objects of which there is none left. */
  readonly #examples = new Examples()
  readonly #sweeper: NodeJS.Timeout
  #inForce: InForce
  readonly #kin = new Kin(this.#connections)
  readonly #lanes = new CertificateLanes()
  readonly #openssl: OpenSsl | undefined
  readonly #whenIdle: SessionsOptions['onIdle']

  constructor(options: SessionsOptions) {
    const { telemetry, authenticator, openStorage, shared, offences, sendfile, sessionsInAll, portShare, who } = options
    const started = Date.now()
    this.#inForce = options.inForce
    this.#whenIdle = options.onIdle
    const means = transferMeans(sendfile, shared)
    const inputMemory = new InputMemory()
    // Asked once: to look, it makes a socket.
    this.socketCalls = inputMemory.isShared ? means.socketCalls : undefined
    this.#openssl = means.socketCalls && loadOpenSsl(means.socketCalls)
    this.#services = {
      configuration: () => this.#inForce.configuration,
      commands: { list: commands, table: commandTable(commands) },
      telemetry,
      authenticator,
      usedCodes: new UsedCodes(shared),
      shared,
      offences,
      openStorage,
      checksums: new ChecksumTurns({ shared }),
      passivePorts: new PassivePorts(
        count => telemetry.passivePortsInUse(count),
        portShare,
        reason => telemetry.passivePortsExhausted(reason),
        means.socketCalls,
      ),
      advertisedAddresses: new AdvertisedAddresses(),
      transferMeans: means,
      bandwidth: new Bandwidth(options.bandwidthShares),
      createSessionTls: session => this.#createSessionTls(session),
      activity: () => ({ sessions: sessionsInAll(), started }),
      who,
      inputMemory,
      createId: createIds(),
      now: Date.now,
    }
    this.#sweeper = setInterval(() => this.#sweep(), sweepMilliseconds)
  }

  get sessionCount(): number {
    return this.#connections.size
  }

  get connections(): Iterable<Connection> {
    return this.#connections
  }

  /** For the status: with the transfers that run now. Those of the probe user are not among them. */
  *described(): Generator<{ readonly session: Session; readonly transfer: SessionStatus['transfer'] }> {
    for (const { session, transfer } of this.#connections) {
      if (isProbeSession(session)) continue
      yield {
        session,
        transfer: transfer && { verb: transfer.verb, path: transfer.path, bytes: transfer.progress.bytes },
      }
    }
  }

  /** Puts another configuration in force, at once and for all sessions. */
  apply(inForce: InForce): void {
    this.#inForce = inForce
    this.#examples.clear()
    const { certificate, hosts } = inForce.configuration
    const ofHosts = [...hosts.values()].map(host => host.certificate)
    this.#lanes.keep(new Set([certificate, inForce.fallbackCertificate, ...ofHosts]))
    this.followPorts()
    this.#sweep()
  }

  /** Closes passive ports that are not this process's any more. */
  followPorts(): void {
    this.#services.passivePorts.follow(this.#inForce.configuration.server.passive)
  }

  /** Gives a session that waits on the port a connection that another server has relayed from that address. */
  takeRelayed(port: number, first: FirstBytes, address: string): 'taken' | 'not-awaited' {
    const { passivePorts } = this.#services
    if (!passivePorts.isAwaited(port)) return 'not-awaited'
    passivePorts.takeRelayed(port, first, address)
    return 'taken'
  }

  /** Whether a session waits on the port. */
  isAwaited(port: number): boolean {
    return this.#services.passivePorts.isAwaited(port)
  }

  serve(arrival: Arrival | BareArrival, listener: ListenerConfiguration, place: Place): void {
    if ('first' in arrival) arrival.first?.giveBack()
    const calls = this.socketCalls
    const came = calls === undefined || 'bare' in arrival ? arrival : withoutSocket(arrival, calls)
    const connection = new Connection(came, listener, this.#services, { place, onEnd: this.#onEnd })
    this.#connections.add(connection)
    connection.serve()
  }

  /** Ends the sessions of a client that nobody is logged in to. */
  endStrangers(client: string): void {
    for (const connection of this.#connections) {
      if (clientKey(connection.session.peer.address) === client) connection.endStranger()
    }
  }

  /** Ends idle sessions, lets transfers finish until the deadline, then closes everything. */
  async close(graceMilliseconds: number): Promise<void> {
    for (const connection of this.#connections) connection.drain()
    await this.#allGone(graceMilliseconds)
    for (const connection of this.#connections) connection.cutOff('drain timeout')
    await this.#allGone(lastWordsMilliseconds)
    this.#services.passivePorts.close()
    clearInterval(this.#sweeper)
  }

  /** One for all, as each connection keeps it. */
  readonly #onEnd = (connection: Connection): void => {
    this.#connections.delete(connection)
    if (connection.state.configuration === this.#inForce.configuration) this.#examples.keep(connection)
    connection.place.end()
    if (this.#connections.size === 0) this.#whenIdle?.()
  }

  #sweep(): void {
    const now = Date.now()
    for (const connection of this.#connections) connection.sweep(now)
  }

  #createSessionTls(member: Member): SessionTls {
    const { configuration, session } = member.state
    const named = session.host
    const own = configuration.certificate ?? this.#inForce.fallbackCertificate
    if (own === undefined) throw new Error('There is no certificate.')
    const { tls, limits } = configuration.server
    const optionsOf = (certificate = own) => ({
      certificate,
      settings: tls,
      handshakeTimeoutSeconds: limits.handshakeTimeoutSeconds,
    })
    const options = optionsOf(hostNamed(configuration, named)?.certificate)
    const lanes = this.#lanes.for(options)
    const shared = { lanes, openssl: this.#openssl, member, kin: this.#kin }
    if (configuration.hosts.size === 0) return new SessionTls({ ...options, ...shared })
    const find = (serverName: string) => {
      const host = hostNamed(configuration, serverName)
      return host && { name: host.name, lanes: this.#lanes.for(optionsOf(host.certificate)) }
    }
    return new SessionTls({ ...options, ...shared, hosts: { named, find } })
  }

  async #allGone(milliseconds: number): Promise<void> {
    const deadline = performance.now() + milliseconds
    while (this.#connections.size > 0 && performance.now() < deadline) await delay(20)
  }
}

/** For last replies to be read. */
const lastWordsMilliseconds = 3000

const idBytes = 6

/** Each gives 48 random bits. They are drawn for many at once: to ask for six bytes each time costs far more. */
function createIds(): () => string {
  const store = Buffer.allocUnsafeSlow(idBytes * 128)
  let at = store.length
  return () => {
    if (at === store.length) {
      randomFillSync(store)
      at = 0
    }
    at += idBytes
    return store.toString('hex', at - idBytes, at)
  }
}
