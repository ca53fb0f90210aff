/** The commands of one session: each is dispatched, and what it decides is carried out. */
import { type Offence, unknownCommandsAllowed } from '../bans/offence.ts'
import { hostNamed } from '../config/hosts.ts'
import type { DataChannel } from '../data/data-channel.ts'
import type { Command, Context, Outcome } from './command.ts'
import type { ControlChannel } from './control-channel.ts'
import { dispatch } from './dispatch.ts'
import type { Ending } from './ending.ts'
import { isOtherProtocol, otherProtocol } from './other-protocol.ts'
import { OutOfTurn } from './out-of-turn.ts'
import { discard, outcomeInTime } from './outcome-in-time.ts'
import type { Reply } from './reply.ts'
import type { Request } from './request.ts'
import type { Services } from './services.ts'
import type { SessionChange } from './session.ts'
import { authenticate, certificateLogin, logOut } from './session-login.ts'
import type { SessionProtection } from './session-protection.ts'
import type { SessionState } from './session-state.ts'
import type { SessionTransfers } from './session-transfers.ts'
import { TransferLimits } from './transfer-limits.ts'

/** The connection, as far as commands have to do with it. */
export type CommandsOwner = {
  readonly services: Services
  readonly state: SessionState
  readonly channel: ControlChannel
  readonly data: DataChannel
  readonly transfers: SessionTransfers
  readonly protection: SessionProtection
  readonly isEnding: () => boolean
  readonly end: (ending: Ending) => Promise<void>
  readonly offend: (offence: Offence) => void
}

export class SessionCommands {
  readonly #owner: CommandsOwner
  readonly #services: Services
  readonly #state: SessionState
  readonly #channel: ControlChannel
  readonly #data: DataChannel
  readonly #transfers: SessionTransfers
  readonly #protection: SessionProtection
  readonly #transferLimits: TransferLimits
  readonly #outOfTurn: OutOfTurn
  #unknownCommands = 0

  constructor(owner: CommandsOwner) {
    const { services, state } = owner
    this.#owner = owner
    this.#services = services
    this.#state = state
    this.#channel = owner.channel
    this.#data = owner.data
    this.#transfers = owner.transfers
    this.#protection = owner.protection
    this.#transferLimits = new TransferLimits(services.shared)
    this.#outOfTurn = new OutOfTurn(error => services.telemetry.fault(error, state.session))
  }

  /** Resolves when those are answered that have come during a transfer; undefined where none is left. */
  get outOfTurn(): Promise<void> | undefined {
    return this.#outOfTurn.rest
  }

  /** Serves one command to its last reply. */
  async serve({ verb, argument }: Request): Promise<void> {
    const { telemetry, commands } = this.#services
    if (this.#services.configuration() !== this.#state.configuration) {
      const ended = await this.#state.follow()
      if (ended !== undefined) await this.#owner.end(ended)
    }
    if (this.#owner.isEnding()) return
    if (isOtherProtocol(verb, this.#state.session.login.state === 'logged-in')) return this.#owner.end(otherProtocol)
    const started = performance.now()
    const command = commands.table.get(verb)
    if (command === undefined) this.#countUnknown()
    const refused = this.#transferLimits.begin(
      command,
      this.#state.session.login,
      this.#state.configuration,
      this.#transfers.moved,
    )
    const refusal = refused instanceof Promise ? await refused : refused
    const running: Outcome | Promise<Outcome> =
      refusal === undefined ? dispatch(command, argument, this.#context()) : { kind: 'reply', reply: refusal }
    const outcome = running instanceof Promise ? await this.#inTime(running) : running
    if (outcome.kind === 'reply' && outcome.offence !== undefined) this.#owner.offend(outcome.offence)
    if (this.#owner.isEnding()) {
      this.#transferLimits.end()
      return discard(outcome, this.#services)
    }
    if (outcome.kind === 'reply' && outcome.then === 'start-tls')
      return this.#protection.secure(outcome.reply, () =>
        // RFC 7151 section 3.3: the host that was named stays; the certificate is its own.
        this.#reset({ host: this.#state.session.host, ...outcome.session }),
      )
    const loggedOut = this.#state.settle(command, outcome.session)
    if (loggedOut !== undefined) await logOut(this.#services, loggedOut)
    // What was set up is for one transfer: one that was refused has used it up (RFC 1123 section 4.1.2.6).
    if (command?.transfers === true && outcome.kind === 'reply') this.#data.discard()
    const code = await this.#carryOut(outcome, verb)
    this.#transferLimits.end()
    telemetry.command(this.#state.session, command?.verbs[0] ?? 'unknown', code, (performance.now() - started) / 1000)
  }

  #inTime(running: Promise<Outcome>): Promise<Outcome> {
    const { transferStallTimeoutSeconds, failedLoginDelayMilliseconds } = this.#state.configuration.server.limits
    // A failed login is to take its time.
    const milliseconds = transferStallTimeoutSeconds * 1000 + failedLoginDelayMilliseconds
    return outcomeInTime(running, milliseconds, this.#services, () => this.#state.session)
  }

  /** Does what an outcome says; resolves to the code of the last reply. */
  async #carryOut(outcome: Outcome, verb: string): Promise<number> {
    if (outcome.kind === 'transfer') return this.#transfers.run(outcome, verb)
    if (outcome.kind === 'task') return this.#transfers.runTask(outcome.task, verb)
    if (outcome.then === 'close') await this.#owner.end({ answer: outcome.reply, reason: 'client quit' })
    else if (outcome.then === 'reinitialize') await this.#reinitialize(outcome.reply)
    else if (outcome.then === 'stop-tls') await this.#protection.stop(outcome.reply, 'cleared')
    else await this.#channel.send(outcome.reply)
    return outcome.reply.code
  }

  /** Runs ABOR and STAT while a transfer does (RFC 1123 section 4.1.3.3); everything else waits for its end. */
  takeAtOnce(request: Request): boolean {
    if (this.#transfers.running === undefined) return false
    const command = this.#services.commands.table.get(request.verb)
    if (command?.duringTransfer?.(request.argument) !== true) return false
    return this.#outOfTurn.take(() => this.#serveOutOfTurn(command, request))
  }

  async #serveOutOfTurn(command: Command, { argument }: Request): Promise<void> {
    const started = performance.now()
    const outcome = await dispatch(command, argument, this.#context())
    if (outcome.kind !== 'reply') return
    // RFC 959 section 4.1.3: 426 for the transfer first, then 226.
    if (outcome.then === 'abort') await this.#transfers.abort()
    await this.#channel.send(outcome.reply)
    this.#services.telemetry.command(
      this.#state.session,
      command.verbs[0],
      outcome.reply.code,
      (performance.now() - started) / 1000,
    )
  }

  #context(): Context {
    const { commands, now, activity } = this.#services
    return {
      session: this.#state.session,
      configuration: this.#state.configuration,
      data: this.#data,
      now: now(),
      activity: activity(),
      transfer: this.#transfers.running,
      commands: commands.list,
      checksums: this.#services.checksums,
      who: this.#services.who,
      authenticate: (name, password, proved) =>
        authenticate(
          this.#services,
          this.#state.session,
          this.#state.configuration,
          { name, password, proved },
          this.#channel,
        ),
      certificateLogin: name => certificateLogin(this.#services, this.#state.session, this.#state.configuration, name),
    }
  }

  async #reset(change: SessionChange): Promise<void> {
    this.#data.discard()
    const loggedOut = this.#state.reset(change)
    if (loggedOut !== undefined) await logOut(this.#services, loggedOut)
  }

  async #reinitialize(answer: Reply): Promise<void> {
    const { protection, listener, serverName } = this.#state.session
    // Under implicit TLS the host that was named in the handshake is that of the next login, too.
    const host = listener.tls === 'implicit' ? hostNamed(this.#state.configuration, serverName)?.name : undefined
    await this.#reset({ host })
    // RFC 4217 section 13: the reply is protected still.
    if (protection === 'tls' && listener.tls !== 'implicit') return this.#protection.stop(answer, 'clear')
    if (protection === 'cleared') this.#protection.forget('clear')
    await this.#channel.send(answer)
  }

  #countUnknown(): void {
    this.#unknownCommands += 1
    if (this.#unknownCommands % unknownCommandsAllowed === 0) this.#owner.offend('unknown-commands')
  }

  /** Whatever was running. */
  close(): void {
    this.#transferLimits.end()
  }
}
