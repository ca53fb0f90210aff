/** The server-PI of RFC 959: one control connection from greeting to goodbye. It alone carries out what commands decide. */
import type { Arrival } from '../arrival.ts'
import { currentUser } from '../auth/authenticator.ts'
import { type Offence, unknownCommandsAllowed } from '../bans/offence.ts'
import type { Configuration } from '../config/configuration.ts'
import { hostNamed, placeOf, userAt } from '../config/hosts.ts'
import { plainAddress } from '../config/network.ts'
import { isProbeUser } from '../config/probe-user.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { DataChannel } from '../data/data-channel.ts'
import { StorageError } from '../storage/storage.ts'
import type { Command, Context, Outcome } from './command.ts'
import { ControlChannel } from './control-channel.ts'
import { dispatch } from './dispatch.ts'
import {
  banned,
  dataAfterAuth,
  dataBeforeClearText,
  drained,
  dueEnding,
  type Ending,
  endOfAccess,
  homeUnavailable,
  internalError,
} from './ending.ts'
import { isOtherProtocol, otherProtocol, tlsAtOnce } from './other-protocol.ts'
import { greeting, type Reply, reply, storageReply } from './reply.ts'
import type { Request } from './request.ts'
import { RequestQueue } from './request-queue.ts'
import type { Services } from './services.ts'
import { initialSettings, type LoggedIn, type Session, type SessionChange, spentSettings } from './session.ts'
import { authenticate, certificateLogin, logOut, renew } from './session-login.ts'
import { release, SessionTransfers } from './session-transfers.ts'
import { TransferLimits } from './transfer-limits.ts'

/** Commands that are answered during a transfer and wait for their turn; further ones wait for its end. */
const maxOutOfTurn = 8

export class Connection {
  readonly #services: Services
  readonly #channel: ControlChannel
  readonly #queue: RequestQueue
  readonly #data: DataChannel
  readonly #transfers: SessionTransfers
  readonly #transferLimits: TransferLimits
  #session: Session
  #configuration: Configuration
  /** By the monotonic clock, as the next. */
  #lastActivity: number
  /** Since when nobody is logged in, while nobody is. */
  #loggedOutSince: number
  #draining = false
  /** Why the connection ends, once it does. */
  #ending: string | undefined
  /** Serializes commands that run during a transfer. */
  #outOfTurn: Promise<void> = Promise.resolve()
  #outOfTurnCount = 0
  #unknownCommands = 0

  constructor({ socket, peer, local }: Arrival, listener: ListenerConfiguration, services: Services) {
    this.#services = services
    this.#channel = new ControlChannel(socket, {
      onLost: () => this.#hangUp('connection lost'),
      inputMemory: services.inputMemory,
      unreadTimeoutSeconds: () => services.configuration().server.limits.idleTimeoutSeconds,
      language: () => this.#session.language ?? this.#configuration.server.language,
    })
    this.#configuration = services.configuration()
    this.#lastActivity = performance.now()
    this.#loggedOutSince = this.#lastActivity
    this.#session = {
      id: services.createId(),
      listener,
      peer,
      local,
      started: services.now(),
      protection: 'clear',
      clientCertificate: undefined,
      serverName: undefined,
      ...initialSettings(listener),
    }
    this.#queue = new RequestQueue({
      takeAtOnce: request => this.#takeAtOnce(request),
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
      isPrivate: () => this.#session.dataProtection === 'private',
      inTurn: () => {
        const { login } = this.#session
        return login.state === 'logged-in' && isProbeUser(this.#configuration, login.user.name)
      },
      onStray: (address, port) => services.telemetry.strayDataConnection(this.#session, address, port),
      onTlsFailure: message => services.telemetry.tlsFailed(this.#session, 'data', message),
    })
    this.#transferLimits = new TransferLimits(services.shared)
    this.#transfers = new SessionTransfers({
      data: this.#data,
      telemetry: services.telemetry,
      means: services.transferMeans,
      bandwidth: services.bandwidth,
      configuration: services.configuration,
      session: () => this.#session,
      send: answer => this.#channel.send(answer),
      sendLine: line => this.#channel.sendLine(line),
      // What came right behind the command: an ABOR must not wait for the end of what it aborts.
      onStart: () => this.#queue.offerAgain(),
    })
  }

  get session(): Session {
    return this.#session
  }

  /** The transfer that runs now. */
  get transfer(): Context['transfer'] {
    return this.#transfers.running
  }

  /** Serves the client until the connection is closed. Never rejects. */
  async run(): Promise<void> {
    const { telemetry } = this.#services
    telemetry.sessionOpened(this.#session)
    try {
      if (this.#session.listener.tls === 'implicit') await this.#startTls()
      else this.#queue.attach(this.#channel.stream, this.#channel.input)
      await this.#channel.send(greeting(this.#banner()))
      while (this.#ending === undefined) await this.#serveNext()
    } catch (error) {
      if (this.#ending === undefined) {
        telemetry.fault(error, this.#session)
        await this.#end(internalError)
      }
    }
    await this.#close()
    telemetry.sessionClosed(this.#session, this.#ending ?? 'closed')
  }

  /** Once a second: ends the session if it idles, is late to log in, is drained, or its user may no longer be here. */
  sweep(now: number): void {
    if (this.#ending !== undefined) return
    const due = dueEnding(this.#session, {
      configuration: this.#services.configuration(),
      now,
      elapsed: performance.now(),
      lastActivity: this.#lastActivity,
      loggedOutSince: this.#loggedOutSince,
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
    if (this.#session.login.state !== 'logged-in') void this.#end(banned)
  }

  /** Ends the session now. */
  end(reason: string): void {
    void this.#end({ ...drained, reason })
  }

  async #serveNext(): Promise<void> {
    const incoming = await this.#queue.next()
    if (this.#outOfTurnCount > 0) await this.#outOfTurn
    if (this.#ending !== undefined) return
    if (incoming.kind === 'end') return this.#hangUp('client closed')
    if (incoming.kind === 'tls') return this.#end(tlsAtOnce)
    this.#lastActivity = performance.now()
    // RFC 959 section 4.2.1
    if (incoming.kind === 'too-long') {
      this.#offend('line-too-long')
      await this.#channel.send(reply(500, 'The line is too long.'))
    } else await this.#serve(incoming.request)
    this.#lastActivity = performance.now()
  }

  async #serve({ verb, argument }: Request): Promise<void> {
    const { telemetry, commands } = this.#services
    if (this.#services.configuration() !== this.#configuration) await this.#followConfiguration()
    if (this.#ending !== undefined) return
    if (isOtherProtocol(verb, this.#session.login.state === 'logged-in')) return this.#end(otherProtocol)
    const started = performance.now()
    const command = commands.table.get(verb)
    if (command === undefined) this.#countUnknown()
    const refused = this.#mayTransfer(command)
    const refusal = refused instanceof Promise ? await refused : refused
    const running: Outcome | Promise<Outcome> =
      refusal === undefined ? dispatch(command, argument, this.#context()) : { kind: 'reply', reply: refusal }
    const outcome = running instanceof Promise ? await this.#inTime(running) : running
    if (outcome.kind === 'reply' && outcome.offence !== undefined) this.#offend(outcome.offence)
    if (this.#ending !== undefined) {
      this.#transferLimits.end()
      return discard(outcome, this.#services)
    }
    if (outcome.kind === 'reply' && outcome.then === 'start-tls')
      return this.#secure(outcome.reply, outcome.session ?? {})
    const loggedOut = this.#change(command, outcome.session)
    if (loggedOut !== undefined) await logOut(this.#services, loggedOut)
    // What was set up is for one transfer: one that was refused has used it up (RFC 1123 section 4.1.2.6).
    if (command?.transfers === true && outcome.kind === 'reply') this.#data.discard()
    const code = await this.#carryOut(outcome, verb)
    this.#transferLimits.end()
    telemetry.command(this.#session, command?.verbs[0] ?? 'unknown', code, (performance.now() - started) / 1000)
  }

  /** Why the command gets no transfer of a file. */
  #mayTransfer(command: Command | undefined): ReturnType<TransferLimits['begin']> {
    const { login } = this.#session
    if (command?.transfers !== true || command.needs === 'list' || login.state !== 'logged-in') return undefined
    return this.#transferLimits.begin(login.user, this.#configuration.server.limits, this.#transfers.moved)
  }

  /** A volume that hangs can't be called off: what waits for it is left behind, and put away once it is there. */
  async #inTime(running: Promise<Outcome>): Promise<Outcome> {
    const { transferStallTimeoutSeconds, failedLoginDelayMilliseconds } = this.#configuration.server.limits
    const { promise, resolve, reject } = Promise.withResolvers<Outcome | undefined>()
    // A failed login is to take its time.
    const milliseconds = transferStallTimeoutSeconds * 1000 + failedLoginDelayMilliseconds
    const timer = setTimeout(() => resolve(undefined), milliseconds)
    void running.then(resolve, reject)
    try {
      const outcome = await promise
      if (outcome !== undefined) return outcome
    } finally {
      clearTimeout(timer)
    }
    running
      .then(late => discard(late, this.#services))
      .catch(error => this.#services.telemetry.fault(error, this.#session))
    return { kind: 'reply', reply: storageReply('failed') }
  }

  /** Does what an outcome says; resolves to the code of the last reply. */
  async #carryOut(outcome: Outcome, verb: string): Promise<number> {
    if (outcome.kind === 'transfer') return this.#transfers.run(outcome, verb)
    if (outcome.kind === 'task') return this.#transfers.runTask(outcome.task, verb)
    if (outcome.then === 'close') await this.#end({ answer: outcome.reply, reason: 'client quit' })
    else if (outcome.then === 'reinitialize') await this.#reinitialize(outcome.reply)
    else if (outcome.then === 'stop-tls') await this.#stopTls(outcome.reply, 'cleared')
    else await this.#channel.send(outcome.reply)
    return outcome.reply.code
  }

  /** Runs ABOR and STAT while a transfer does (RFC 1123 section 4.1.3.3); everything else waits for its end. */
  #takeAtOnce(request: Request): boolean {
    if (this.#transfers.running === undefined || this.#outOfTurnCount >= maxOutOfTurn) return false
    const command = this.#services.commands.table.get(request.verb)
    if (command?.duringTransfer?.(request.argument) !== true) return false
    this.#outOfTurnCount += 1
    this.#outOfTurn = this.#outOfTurn
      .then(() => this.#serveOutOfTurn(command, request))
      .catch(error => {
        this.#services.telemetry.fault(error, this.#session)
      })
      .finally(() => {
        this.#outOfTurnCount -= 1
      })
    return true
  }

  async #serveOutOfTurn(command: Command, { argument }: Request): Promise<void> {
    const started = performance.now()
    const outcome = await dispatch(command, argument, this.#context())
    if (outcome.kind !== 'reply') return
    // RFC 959 section 4.1.3: 426 for the transfer first, then 226.
    if (outcome.then === 'abort') await this.#transfers.abort()
    await this.#channel.send(outcome.reply)
    this.#services.telemetry.command(
      this.#session,
      command.verbs[0],
      outcome.reply.code,
      (performance.now() - started) / 1000,
    )
  }

  #context(): Context {
    const { commands, now, activity } = this.#services
    return {
      session: this.#session,
      configuration: this.#configuration,
      data: this.#data,
      now: now(),
      activity: activity(),
      transfer: this.#transfers.running,
      commands: commands.list,
      checksums: this.#services.checksums,
      who: this.#services.who,
      authenticate: (name, password, proved) =>
        authenticate(this.#services, this.#session, this.#configuration, { name, password, proved }, this.#channel),
      certificateLogin: name => certificateLogin(this.#services, this.#session, this.#configuration, name),
    }
  }

  /** Gives the login that is over. */
  #change(command: Command | undefined, change: SessionChange | undefined): LoggedIn | undefined {
    const { login } = this.#session
    const spent = spentSettings(this.#session, command?.keepsRestart === true)
    if (change === undefined && spent === undefined) return undefined
    this.#session = { ...this.#session, ...spent, ...change }
    if (change?.login === undefined || login.state !== 'logged-in') return undefined
    this.#loggedOutSince = performance.now()
    return login
  }

  /** Takes over a configuration that was reloaded since the last command: the user as it is now. */
  async #followConfiguration(): Promise<void> {
    const configuration = this.#services.configuration()
    this.#configuration = configuration
    const { login } = this.#session
    if (login.state !== 'logged-in') return
    const user = currentUser(login.user, configuration)
    const ended = endOfAccess(this.#session, configuration, this.#services.now())
    if (ended !== undefined) return this.#end(ended)
    if (user === undefined) return
    try {
      const here = userAt(placeOf(this.#session, configuration), user)
      this.#session = {
        ...this.#session,
        login: await renew(this.#services, this.#session, login, here, configuration),
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      await this.#end(homeUnavailable)
    }
  }

  /** AUTH: nothing that was sent in clear text may be taken for something said under TLS (CVE-2011-1575). */
  async #secure(answer: Reply, change: SessionChange): Promise<void> {
    if (!this.#queue.isEmpty) return this.#end(dataAfterAuth)
    this.#queue.detach()
    await this.#channel.sendAll(answer)
    // RFC 7151 section 3.3: the host that was named stays; the certificate is its own.
    await this.#reset({ host: this.#session.host, ...change })
    await this.#startTls()
  }

  async #startTls(): Promise<void> {
    try {
      const tls = this.#services.createSessionTls(this.#configuration, this.#session.host)
      const { clientCertificate, serverName } = await this.#channel.startTls(tls)
      const host = this.#session.host ?? hostNamed(this.#configuration, serverName)?.name
      this.#session = { ...this.#session, protection: 'tls', clientCertificate, serverName, host }
    } catch (error) {
      // RFC 4217 section 10.1: after a broken handshake there is no common language left to answer in.
      return this.#loseTls(error, 'TLS handshake failed')
    }
    this.#queue.attach(this.#channel.stream, this.#channel.input)
  }

  async #reset(change: SessionChange): Promise<void> {
    this.#data.discard()
    // RFC 2577 section 5: who guesses passwords gets no new tries by starting over.
    const { listener, failedLogins } = this.#session
    const loggedOut = this.#change(undefined, { ...initialSettings(listener), failedLogins, ...change })
    if (loggedOut !== undefined) await logOut(this.#services, loggedOut)
  }

  async #reinitialize(answer: Reply): Promise<void> {
    const { protection, listener, serverName } = this.#session
    // Under implicit TLS the host that was named in the handshake is that of the next login, too.
    const host = listener.tls === 'implicit' ? hostNamed(this.#configuration, serverName)?.name : undefined
    await this.#reset({ host })
    // RFC 4217 section 13: the reply is protected still.
    if (protection === 'tls' && listener.tls !== 'implicit') return this.#stopTls(answer, 'clear')
    if (protection === 'cleared') this.#unprotect('clear')
    await this.#channel.send(answer)
  }

  async #stopTls(answer: Reply, protection: 'clear' | 'cleared'): Promise<void> {
    if (!this.#queue.isEmpty) return this.#end(dataBeforeClearText)
    this.#queue.detach()
    try {
      await this.#channel.stopTls(answer)
    } catch (error) {
      return this.#loseTls(error, 'TLS could not be ended')
    }
    this.#unprotect(protection)
    this.#queue.attach(this.#channel.stream, this.#channel.input)
  }

  /** The certificate spoke for what was said under TLS only. After CCC data connections go on under it. */
  #unprotect(protection: 'clear' | 'cleared'): void {
    if (protection === 'clear') this.#channel.forgetTls()
    const serverName = protection === 'clear' ? undefined : this.#session.serverName
    this.#session = { ...this.#session, protection, clientCertificate: undefined, serverName }
  }

  #banner(): string {
    return hostNamed(this.#configuration, this.#session.host)?.banner ?? this.#configuration.server.banner
  }

  #loseTls(error: unknown, reason: string): void {
    this.#services.telemetry.tlsFailed(this.#session, 'control', error instanceof Error ? error.message : 'unknown')
    this.#hangUp(reason)
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
    this.#services.offences.offended(this.#session.peer.address, offence)
  }

  #countUnknown(): void {
    this.#unknownCommands += 1
    if (this.#unknownCommands % unknownCommandsAllowed === 0) this.#offend('unknown-commands')
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
    const { login } = this.#session
    await this.#transfers.abort()
    this.#transferLimits.end()
    this.#data.discard()
    this.#queue.stop()
    if (login.state === 'logged-in') await logOut(this.#services, login)
    await this.#channel.close()
  }
}

/** What a command opened for a client that has gone meanwhile. */
async function discard(outcome: Outcome, services: Services): Promise<void> {
  if (outcome.kind === 'transfer') await release(outcome.transfer)
  else if (outcome.session?.login?.state === 'logged-in') await logOut(services, outcome.session.login)
}
