/** The server-PI of RFC 959: one control connection from greeting to goodbye. */
import { setImmediate } from 'node:timers/promises'
import { type Arrival, type BareArrival, localEnd } from '../arrival.ts'
import type { Offence } from '../bans/offence.ts'
import { hostNamed } from '../config/hosts.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { DataChannel } from '../data/data-channel.ts'
import type { Place } from '../sessions/session-host.ts'
import type { SessionTls } from '../tls/session-tls.ts'
import type { Context } from './command.ts'
import { ControlChannel } from './control-channel.ts'
import { tlsAtOnce } from './input/other-protocol.ts'
import type { Request } from './input/request.ts'
import { type Incoming, type QueueOwner, RequestQueue } from './input/request-queue.ts'
import { greeting, reply } from './reply.ts'
import type { Services } from './services.ts'
import { banned, drained, dueEnding, type Ending, internalError } from './session/ending.ts'
import { isProbeSession, newSession, type Session } from './session/session.ts'
import { SessionCommands } from './session/session-commands.ts'
import { SessionData } from './session/session-data.ts'
import { logOut } from './session/session-login.ts'
import type { SessionParts } from './session/session-parts.ts'
import { SessionProtection } from './session/session-protection.ts'
import { SessionState } from './session/session-state.ts'
import { SessionTransfers } from './session/session-transfers.ts'

/** Requests answered in a row before other connections get a turn: a chunk can hold 20,000 of them. */
const maxInARow = 16

/** `onEnd` is called once, when the connection is closed. */
export type Owner = { readonly place: Place; readonly onEnd: (connection: Connection) => void }

export class Connection implements SessionParts, QueueOwner {
  readonly services: Services
  readonly state: SessionState
  readonly channel: ControlChannel
  readonly queue: RequestQueue
  readonly data: DataChannel
  readonly transfers: SessionTransfers
  readonly protection: SessionProtection
  readonly #commands: SessionCommands
  readonly place: Place
  seat: number | undefined
  readonly #onEnd: Owner['onEnd']
  /** A session that is `resting` waits for nothing but bytes. */
  #phase: 'new' | 'serving' | 'resting' | 'over' = 'new'
  /** By the monotonic clock. */
  #lastActivity: number
  #draining = false
  /** Why the connection ends, once it does. */
  #ending: string | undefined

  constructor(arrival: Arrival | BareArrival, listener: ListenerConfiguration, services: Services, owner: Owner) {
    this.services = services
    this.place = owner.place
    this.#onEnd = owner.onEnd
    const isBare = 'bare' in arrival
    this.channel = new ControlChannel(isBare ? arrival.bare : arrival.socket, this)
    const ends = { peer: arrival.peer, local: arrival.local ?? localEnd(this.channel) }
    const session = newSession({ id: services.createId(), listener, ...ends, started: services.now() })
    this.state = new SessionState(session, services)
    this.#lastActivity = this.state.loggedOutSince
    this.queue = new RequestQueue(this)
    this.data = new DataChannel(new SessionData(this))
    this.protection = new SessionProtection(this)
    this.transfers = new SessionTransfers(this)
    this.#commands = new SessionCommands(this)
  }

  get session(): Session {
    return this.state.session
  }

  get tls(): SessionTls | undefined {
    return this.channel.tls
  }

  /** The transfer that runs now. */
  get transfer(): Context['transfer'] {
    return this.transfers.running
  }

  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /** Serves the client until the connection is closed. */
  serve(): void {
    this.services.telemetry.sessionOpened(this.session)
    this.#serve()
  }

  takeAtOnce(request: Request): boolean {
    return this.#commands.takeAtOnce(request)
  }

  onIncoming(): void {
    if (this.#phase === 'resting') this.#serve()
  }

  // RFC 959 section 2.3: an unexpected close is an abort and a logout.
  onClientEnd(): void {
    if (!this.queue.quits) void this.transfers.abort()
  }

  /** Once a second: ends the session if it idles, is late to log in, is drained, has lost its client, or its user may no longer be here. */
  sweep(now: number): void {
    if (this.#ending !== undefined) return
    // Whoever had closed its side before the transfer began, and breaks off later, would be waited for at the passive port.
    if (this.transfers.running !== undefined && this.channel.isBroken) return this.hangUp('connection lost')
    const due = dueEnding(this.state.session, {
      configuration: this.services.configuration(),
      now,
      elapsed: performance.now(),
      lastActivity: this.#lastActivity,
      loggedOutSince: this.state.loggedOutSince,
      transferring: this.transfers.running !== undefined,
      draining: this.#draining,
    })
    if (due !== undefined) void this.end(due)
  }

  /** Ends the session as soon as no transfer runs and the client makes a pause. */
  drain(): void {
    this.#draining = true
    this.sweep(this.services.now())
  }

  /** Ends the session unless a user is logged in: the address may be that of others as well, and the user has proved a right to be here. */
  endStranger(): void {
    if (this.state.session.login.state !== 'logged-in') void this.end(banned)
  }

  /** Ends the session now. */
  cutOff(reason: string): void {
    void this.end({ ...drained, reason })
  }

  /** Sends a last reply and lets the session end. A running transfer is aborted first, so that its 426 comes before. */
  end(ending: Ending): Promise<void> | undefined {
    if (this.#ending !== undefined) return undefined
    const { reason, offence } = ending
    this.#ending = reason
    if (offence !== undefined) this.offend(offence)
    // A command may wait for a port.
    this.data.discard()
    const aborting = this.transfers.abort()
    if (aborting === undefined) {
      this.#sayGoodbye(ending)
      return undefined
    }
    this.channel.closeInTime()
    return aborting.then(() => this.#sayGoodbye(ending))
  }

  #sayGoodbye({ answer, isAskedFor }: Ending): void {
    this.channel.say(answer, isAskedFor === true && this.queue.isEmpty ? 'close' : 'wait')
    this.channel.end()
    this.queue.stop()
  }

  hangUp(reason: string): void {
    if (this.#ending !== undefined) return
    this.#ending = reason
    this.channel.end()
    this.data.discard()
    void this.transfers.abort()
    this.queue.stop()
  }

  offend(offence: Offence): void {
    if (isProbeSession(this.state.session)) return
    this.services.offences.offended(this.state.session.peer.address, offence)
  }

  giveUpPlace(): void {
    this.place.giveUp()
  }

  /**
   * Answers all that has come, one after the other, until something has to be waited for. Nothing is kept of it while the session
   * rests: that would be most of its memory.
   */
  #serve(inARow = 0): void {
    const isNew = this.#phase === 'new'
    this.#phase = 'serving'
    let answered = inARow
    try {
      let waiting = isNew ? this.#begin() : undefined
      while (waiting === undefined && this.#ending === undefined) {
        const incoming = this.queue.take()
        if (incoming === undefined) break
        answered += 1
        waiting = answered % maxInARow === 0 ? this.#answerLater(incoming) : this.#answer(incoming)
      }
      if (waiting !== undefined) return this.#serveAfter(waiting, answered)
    } catch (error) {
      return void this.#goOnAfterFault(error, answered)
    }
    if (this.#ending === undefined) this.#phase = 'resting'
    else void this.#close(this.#ending)
  }

  #serveAfter(waiting: Promise<void>, answered: number): void {
    void waiting.then(
      () => this.#goOn(answered),
      error => this.#goOnAfterFault(error, answered),
    )
  }

  #goOn(answered: number): void {
    this.#lastActivity = performance.now()
    this.#serve(answered)
  }

  async #goOnAfterFault(error: unknown, answered: number): Promise<void> {
    if (this.#ending === undefined) {
      this.services.telemetry.fault(error, this.session)
      await this.end(internalError)
    }
    this.#serve(answered)
  }

  #begin(): Promise<void> | undefined {
    if (this.session.listener.tls === 'implicit') return this.protection.start().then(() => this.#greet())
    this.queue.attach(this.channel.source)
    return this.#greet()
  }

  #greet(): Promise<void> | undefined {
    return this.channel.send(greeting(this.#banner()))
  }

  async #answerLater(incoming: Incoming): Promise<void> {
    await setImmediate()
    await this.#answer(incoming)
  }

  #answer(incoming: Incoming): Promise<void> | undefined {
    const others = this.#commands.outOfTurn
    return others === undefined ? this.#answerInTurn(incoming) : others.then(() => this.#answerInTurn(incoming))
  }

  #answerInTurn(incoming: Incoming): Promise<void> | undefined {
    if (this.#ending !== undefined) return undefined
    if (incoming.kind === 'end') {
      this.hangUp('client closed')
      return undefined
    }
    if (incoming.kind === 'tls') return this.end(tlsAtOnce)
    this.#lastActivity = performance.now()
    // RFC 959 section 4.2.1
    if (incoming.kind === 'too-long') this.offend('line-too-long')
    return incoming.kind === 'too-long'
      ? this.#commands.refuse(reply(500, 'The line is too long.'))
      : this.#commands.serve(incoming.request, this.#lastActivity)
  }

  #banner(): string {
    return (
      hostNamed(this.state.configuration, this.state.session.host)?.banner ?? this.state.configuration.server.banner
    )
  }

  async #close(reason: string): Promise<void> {
    this.#phase = 'over'
    const { services, session } = this
    try {
      const aborting = this.transfers.abort()
      if (aborting !== undefined) await aborting
      this.#commands.close()
      this.data.discard()
      this.queue.stop()
      const loggingOut = session.login.state === 'logged-in' ? logOut(services, this.session, session.login) : undefined
      if (loggingOut !== undefined) await loggingOut
      const closing = this.channel.close()
      if (closing !== undefined) await closing
    } catch (error) {
      services.telemetry.fault(error, this.session)
    }
    services.telemetry.sessionClosed(this.session, reason)
    this.#onEnd(this)
  }
}
