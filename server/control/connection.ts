/** The server-PI of RFC 959: one control connection from greeting to goodbye. */
import type { Arrival } from '../arrival.ts'
import type { Offence } from '../bans/offence.ts'
import { hostNamed } from '../config/hosts.ts'
import { plainAddress } from '../config/network.ts'
import { isProbeUser } from '../config/probe-user.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { DataChannel } from '../data/data-channel.ts'
import type { SessionTls } from '../tls/session-tls.ts'
import type { Context } from './command.ts'
import { ControlChannel } from './control-channel.ts'
import { banned, drained, dueEnding, type Ending, internalError } from './ending.ts'
import { tlsAtOnce } from './other-protocol.ts'
import { greeting, reply } from './reply.ts'
import { RequestQueue } from './request-queue.ts'
import type { Services } from './services.ts'
import { newSession, type Session } from './session.ts'
import { SessionCommands } from './session-commands.ts'
import { logOut } from './session-login.ts'
import { SessionProtection } from './session-protection.ts'
import { SessionState } from './session-state.ts'
import { SessionTransfers } from './session-transfers.ts'

export class Connection {
  readonly #services: Services
  readonly #channel: ControlChannel
  readonly #queue: RequestQueue
  readonly #data: DataChannel
  readonly #transfers: SessionTransfers
  readonly #protection: SessionProtection
  readonly #state: SessionState
  readonly #commands: SessionCommands
  /** By the monotonic clock. */
  #lastActivity = performance.now()
  #draining = false
  /** Why the connection ends, once it does. */
  #ending: string | undefined

  constructor({ socket, peer, local }: Arrival, listener: ListenerConfiguration, services: Services) {
    this.#services = services
    this.#channel = new ControlChannel(socket, {
      onLost: () => this.#hangUp('connection lost'),
      inputMemory: services.inputMemory,
      unreadTimeoutSeconds: () => services.configuration().server.limits.idleTimeoutSeconds,
      language: () => this.#state.session.language ?? this.#state.configuration.server.language,
    })
    const session = newSession({ id: services.createId(), listener, peer, local, started: services.now() })
    this.#state = new SessionState(session, services)
    this.#queue = new RequestQueue({
      takeAtOnce: request => this.#commands.takeAtOnce(request),
      // RFC 959 section 2.3: an unexpected close is an abort and a logout.
      onEnd: () => {
        if (!this.#queue.quits) void this.#transfers.abort()
      },
    })
    this.#data = new DataChannel({
      session: { peer, local },
      // Not that of `local`, which may be a proxy's.
      boundAddress: () => plainAddress(socket.localAddress ?? ''),
      configuration: services.configuration,
      passivePorts: services.passivePorts,
      advertisedAddresses: services.advertisedAddresses,
      tls: () => this.#channel.tls,
      isPrivate: () => this.#state.session.dataProtection === 'private',
      inTurn: () => {
        const { login } = this.#state.session
        return login.state === 'logged-in' && isProbeUser(this.#state.configuration, login.user.name)
      },
      user: () => {
        const { login } = this.#state.session
        return login.state === 'logged-in' ? login.user.name : undefined
      },
      onStray: (address, port) => services.telemetry.strayDataConnection(this.#state.session, address, port),
      onTlsFailure: message => services.telemetry.tlsFailed(this.#state.session, 'data', message),
    })
    this.#protection = new SessionProtection({
      channel: this.#channel,
      queue: this.#queue,
      services,
      configuration: () => this.#state.configuration,
      session: () => this.#state.session,
      change: change => this.#state.change(change),
      end: ending => this.#end(ending),
      hangUp: reason => this.#hangUp(reason),
    })
    this.#transfers = new SessionTransfers({
      data: this.#data,
      telemetry: services.telemetry,
      means: services.transferMeans,
      bandwidth: services.bandwidth,
      configuration: services.configuration,
      session: () => this.#state.session,
      send: answer => this.#channel.send(answer),
      sendLine: line => this.#channel.sendLine(line),
      // What came right behind the command: an ABOR must not wait for the end of what it aborts.
      onStart: () => this.#queue.offerAgain(),
    })
    this.#commands = new SessionCommands({
      services,
      state: this.#state,
      channel: this.#channel,
      data: this.#data,
      transfers: this.#transfers,
      protection: this.#protection,
      isEnding: () => this.#ending !== undefined,
      end: ending => this.#end(ending),
      offend: offence => this.#offend(offence),
    })
  }

  get session(): Session {
    return this.#state.session
  }

  get tls(): SessionTls | undefined {
    return this.#channel.tls
  }

  /** The transfer that runs now. */
  get transfer(): Context['transfer'] {
    return this.#transfers.running
  }

  /** Serves the client until the connection is closed. Never rejects. */
  async run(): Promise<void> {
    const { telemetry } = this.#services
    telemetry.sessionOpened(this.#state.session)
    try {
      if (this.#state.session.listener.tls === 'implicit') await this.#protection.start()
      else this.#queue.attach(this.#channel.stream, this.#channel.input)
      await this.#channel.send(greeting(this.#banner()))
      while (this.#ending === undefined) await this.#serveNext()
    } catch (error) {
      if (this.#ending === undefined) {
        telemetry.fault(error, this.#state.session)
        await this.#end(internalError)
      }
    }
    await this.#close()
    telemetry.sessionClosed(this.#state.session, this.#ending ?? 'closed')
  }

  /** Once a second: ends the session if it idles, is late to log in, is drained, or its user may no longer be here. */
  sweep(now: number): void {
    if (this.#ending !== undefined) return
    const due = dueEnding(this.#state.session, {
      configuration: this.#services.configuration(),
      now,
      elapsed: performance.now(),
      lastActivity: this.#lastActivity,
      loggedOutSince: this.#state.loggedOutSince,
      transferring: this.#transfers.running !== undefined,
      draining: this.#draining,
    })
    if (due !== undefined) void this.#end(due)
  }

  /** Ends the session as soon as no transfer runs and the client makes a pause. */
  drain(): void {
    this.#draining = true
    this.sweep(this.#services.now())
  }

  /** Ends the session unless a user is logged in: the address may be that of others as well, and the user has proved a right to be here. */
  endStranger(): void {
    if (this.#state.session.login.state !== 'logged-in') void this.#end(banned)
  }

  /** Ends the session now. */
  end(reason: string): void {
    void this.#end({ ...drained, reason })
  }

  async #serveNext(): Promise<void> {
    const incoming = await this.#queue.next()
    if (this.#commands.outOfTurn !== undefined) await this.#commands.outOfTurn
    if (this.#ending !== undefined) return
    if (incoming.kind === 'end') return this.#hangUp('client closed')
    if (incoming.kind === 'tls') return this.#end(tlsAtOnce)
    this.#lastActivity = performance.now()
    // RFC 959 section 4.2.1
    if (incoming.kind === 'too-long') {
      this.#offend('line-too-long')
      await this.#channel.send(reply(500, 'The line is too long.'))
    } else await this.#commands.serve(incoming.request)
    this.#lastActivity = performance.now()
  }

  #banner(): string {
    return (
      hostNamed(this.#state.configuration, this.#state.session.host)?.banner ?? this.#state.configuration.server.banner
    )
  }

  /** Sends a last reply and lets the loop end. A running transfer is aborted first, so that its 426 comes before. */
  async #end({ answer, reason, offence }: Ending): Promise<void> {
    if (this.#ending !== undefined) return
    this.#ending = reason
    if (offence !== undefined) this.#offend(offence)
    this.#channel.closeInTime()
    // A command may wait for a port.
    this.#data.discard()
    await this.#transfers.abort()
    this.#channel.say(answer)
    this.#channel.end()
    this.#queue.stop()
  }

  #offend(offence: Offence): void {
    this.#services.offences.offended(this.#state.session.peer.address, offence)
  }

  #hangUp(reason: string): void {
    if (this.#ending !== undefined) return
    this.#ending = reason
    this.#channel.end()
    this.#data.discard()
    void this.#transfers.abort()
    this.#queue.stop()
  }

  async #close(): Promise<void> {
    const { login } = this.#state.session
    await this.#transfers.abort()
    this.#commands.close()
    this.#data.discard()
    this.#queue.stop()
    if (login.state === 'logged-in') await logOut(this.#services, login)
    await this.#channel.close()
  }
}
