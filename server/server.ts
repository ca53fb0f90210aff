/** The FTP server: listeners, sessions, and the configuration they follow. close() drains. */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Admission } from './admission.ts'
import type { Authenticator } from './auth/authenticator.ts'
import { commands } from './commands/index.ts'
import type { CertificateFiles, Configuration } from './config/configuration.ts'
import { plainAddress } from './config/network.ts'
import type { ListenerConfiguration } from './config/schema.ts'
import type { Violation } from './config/validate.ts'
import { Connection } from './control/connection.ts'
import { commandTable } from './control/dispatch.ts'
import { formatReply, reply } from './control/reply.ts'
import type { Services } from './control/services.ts'
import { AdvertisedAddresses } from './data/advertised-address.ts'
import { PassivePorts } from './data/passive.ts'
import { Listeners } from './listeners.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { SessionTls } from './tls/session-tls.ts'

export type ServerOptions = {
  readonly configuration: Configuration
  readonly telemetry: Telemetry
  readonly authenticator: Authenticator
  readonly openStorage: Services['openStorage']
  /** The certificate that is used while the configuration has none. */
  readonly createCertificate: () => Promise<CertificateFiles>
}

const sweepMilliseconds = 1000

export class FtpServer {
  readonly #options: ServerOptions
  readonly #services: Services
  readonly #admission = new Admission()
  readonly #connections = new Set<Connection>()
  readonly #listeners: Listeners
  readonly #started = Date.now()
  #configuration: Configuration
  #fallbackCertificate: CertificateFiles | undefined
  #sweeper: NodeJS.Timeout | undefined
  #draining = false

  constructor(options: ServerOptions) {
    const { telemetry, authenticator, openStorage } = options
    this.#options = options
    this.#configuration = options.configuration
    this.#listeners = new Listeners(
      (socket, listener) => this.#accept(socket, listener),
      error => telemetry.fault(error),
    )
    this.#services = {
      configuration: () => this.#configuration,
      commands: { list: commands, table: commandTable(commands) },
      telemetry,
      authenticator,
      admission: this.#admission,
      openStorage,
      passivePorts: new PassivePorts(count => telemetry.passivePortsInUse(count)),
      advertisedAddresses: new AdvertisedAddresses(),
      createSessionTls: configuration => this.#createSessionTls(configuration),
      activity: () => ({ sessions: this.#admission.sessions, started: this.#started }),
      createId: () => randomBytes(6).toString('hex'),
      now: Date.now,
    }
  }

  /** Opens what the configuration names and closes what it does not. Resolves to what can't be listened on; calling again tries again. */
  async listen(): Promise<readonly Violation[]> {
    if (this.#draining) return []
    await this.#prepareCertificate(this.#configuration)
    this.#sweeper ??= setInterval(() => this.#sweep(), sweepMilliseconds)
    return this.#listeners.apply(this.#configuration.server.listeners)
  }

  /** Puts another configuration in force, at once and for all sessions; listen() is for the ports. */
  async apply(configuration: Configuration): Promise<void> {
    await this.#prepareCertificate(configuration)
    this.#configuration = configuration
    this.#sweep()
  }

  get configuration(): Configuration {
    return this.#configuration
  }

  /** The certificate that new handshakes get. */
  get certificate(): CertificateFiles | undefined {
    return this.#configuration.certificate ?? this.#fallbackCertificate
  }

  get connections(): Iterable<Connection> {
    return this.#connections
  }

  get sessionCount(): number {
    return this.#admission.sessions
  }

  /** The ports that are listened on, by the listener's name. */
  get ports(): ReadonlyMap<string, number> {
    return this.#listeners.ports
  }

  /** Takes no new sessions, ends idle ones, lets transfers finish until the deadline, then closes everything. */
  async close(graceMilliseconds: number): Promise<void> {
    this.#draining = true
    for (const connection of this.#connections) connection.drain()
    // The listeners stay until then: a client who is still sent here gets 421 instead of silence.
    await this.#allGone(graceMilliseconds)
    for (const connection of this.#connections) connection.end('drain timeout')
    await this.#allGone(lastWordsMilliseconds)
    this.#listeners.close()
    this.#services.passivePorts.close()
    clearInterval(this.#sweeper)
  }

  #accept(socket: Socket, listener: ListenerConfiguration): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const refusal = this.#draining ? 'draining' : this.#admission.admit(address, this.#configuration.server.limits)
    if (refusal !== undefined) {
      this.#services.telemetry.connectionRefused(listener.name, address, refusal)
      refuse(socket, listener)
      return
    }
    const connection = new Connection(socket, listener, this.#services)
    this.#connections.add(connection)
    void connection.run().finally(() => {
      this.#connections.delete(connection)
      this.#admission.leave(address)
    })
  }

  #sweep(): void {
    const now = Date.now()
    for (const connection of this.#connections) connection.sweep(now)
  }

  async #prepareCertificate(configuration: Configuration): Promise<void> {
    if (
      configuration.certificate !== undefined ||
      configuration.server.listeners.every(({ tls }) => tls === 'disabled')
    )
      return
    this.#fallbackCertificate ??= await this.#options.createCertificate()
  }

  #createSessionTls(configuration: Configuration): SessionTls {
    const certificate = configuration.certificate ?? this.#fallbackCertificate
    if (certificate === undefined) throw new Error('There is no certificate.')
    const { tls, limits } = configuration.server
    return new SessionTls({ certificate, settings: tls, handshakeTimeoutSeconds: limits.handshakeTimeoutSeconds })
  }

  async #allGone(milliseconds: number): Promise<void> {
    const deadline = Date.now() + milliseconds
    while (this.#connections.size > 0 && Date.now() < deadline) await delay(20)
  }
}

const lastWordsMilliseconds = 3000
const refusalLingerMilliseconds = 1000

function refuse(socket: Socket, listener: ListenerConfiguration): void {
  socket.on('error', () => socket.destroy())
  // Under implicit TLS nobody would understand a reply in clear text.
  if (listener.tls === 'implicit') return void socket.destroy()
  socket.end(formatReply(reply(421, 'Too many sessions or going down: try again later.')))
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), refusalLingerMilliseconds)
  socket.once('close', () => clearTimeout(timer))
}
