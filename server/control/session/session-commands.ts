/** The commands of one session: each is dispatched, and what it decides is carried out. */
import { unknownCommandsAllowed } from '../../bans/offence.ts'
import { hostNamed } from '../../config/hosts.ts'
import type { Command, Outcome } from '../command.ts'
import { dispatch } from '../dispatch.ts'
import { isError, tooManyErrors } from '../errors-before-login.ts'
import { isOtherProtocol, otherProtocol } from '../input/other-protocol.ts'
import { OutOfTurn } from '../input/out-of-turn.ts'
import type { Request } from '../input/request.ts'
import { discard, outcomeInTime } from '../outcome-in-time.ts'
import type { Reply } from '../reply.ts'
import { isProbeSession, type SessionChange } from './session.ts'
import { contextOf } from './session-context.ts'
import { logOut } from './session-login.ts'
import type { SessionParts } from './session-parts.ts'
import { TransferLimits } from './transfer-limits.ts'

/** A command that is being served. */
type Asked = Request & {
  readonly command: Command | undefined
  /** By the monotonic clock. */
  readonly started: number
}

type Answer = Extract<Outcome, { readonly kind: 'reply' }>

export class SessionCommands {
  readonly #parts: SessionParts
  /** Both are made when they are needed, which most sessions never do. */
  #transferLimits: TransferLimits | undefined
  #outOfTurn: OutOfTurn | undefined
  /** Before login, over all of the connection: AUTH and REIN begin the session anew, not the count. */
  #errors = 0
  #unknownCommands = 0

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** Resolves when those are answered that have come during a transfer; undefined where none is left. */
  get outOfTurn(): Promise<void> | undefined {
    return this.#outOfTurn?.rest
  }

  /** Serves one command, which came at that time of the monotonic clock, to its last reply. Undefined where nothing had to be waited for. */
  serve(request: Request, came: number): Promise<void> | undefined {
    const { services, state } = this.#parts
    return services.configuration() === state.configuration ? this.#begin(request, came) : this.#follow(request, came)
  }

  async #follow(request: Request, came: number): Promise<void> {
    const ended = await this.#parts.state.follow()
    if (ended !== undefined) await this.#parts.end(ended)
    await this.#begin(request, came)
  }

  #begin({ verb, argument }: Request, came: number): Promise<void> | undefined {
    if (this.#parts.isEnding) return undefined
    const { services, state } = this.#parts
    const command = services.commands.table.get(verb)
    if (command === undefined && isOtherProtocol(verb, state.session.login.state === 'logged-in'))
      return this.#parts.end(otherProtocol)
    const asked = { verb, argument, command, started: came }
    if (command === undefined) this.#countUnknown()
    const refusal = command?.transfers === true ? this.#limit(command) : undefined
    return refusal instanceof Promise ? this.#runAfter(refusal, asked) : this.#run(asked, refusal)
  }

  // Functions of their own wait: V8 makes room for what theirs keep with every call, needed or not.
  async #runAfter(limiting: Promise<Reply | undefined>, asked: Asked): Promise<void> {
    await this.#run(asked, await limiting)
  }

  #run(asked: Asked, refusal: Reply | undefined): Promise<void> | undefined {
    if (refusal !== undefined) return this.#settle(asked, { kind: 'reply', reply: refusal })
    const running = dispatch(asked.command, asked.argument, contextOf(this.#parts))
    return running instanceof Promise ? this.#settleAfter(running, asked) : this.#settle(asked, running)
  }

  #settleAfter(running: Promise<Outcome>, asked: Asked): Promise<void> {
    return this.#inTime(running).then(outcome => this.#settle(asked, outcome))
  }

  #settle(asked: Asked, outcome: Outcome): Promise<void> | undefined {
    const { services, state } = this.#parts
    if (outcome.kind === 'reply' && outcome.offence !== undefined) this.#parts.offend(outcome.offence)
    if (this.#parts.isEnding) {
      this.#transferLimits?.end()
      return discard(outcome, services, state.session)
    }
    if (outcome.kind === 'reply' && outcome.then === 'start-tls') return this.#secure(outcome)
    const loggedOut = state.settle(asked.command, outcome.session)
    if (loggedOut === undefined) return this.#conclude(asked, outcome)
    return this.#concludeAfter(logOut(services, state.session, loggedOut), asked, outcome)
  }

  #secure({ reply: answer, session: change }: Answer): Promise<void> {
    const { state, protection } = this.#parts
    // RFC 7151 section 3.3: the host that was named stays; the certificate is its own.
    return protection.secure(answer, () => this.#reset({ host: state.session.host, ...change }))
  }

  async #concludeAfter(loggingOut: Promise<void>, asked: Asked, outcome: Outcome): Promise<void> {
    await loggingOut
    await this.#conclude(asked, outcome)
  }

  #conclude(asked: Asked, outcome: Outcome): Promise<void> | undefined {
    const { state, data } = this.#parts
    if (outcome.session?.login !== undefined && isProbeSession(state.session)) this.#parts.giveUpPlace()
    // What was set up is for one transfer: one that was refused has used it up (RFC 1123 section 4.1.2.6).
    if (asked.command?.transfers === true && outcome.kind === 'reply') data.discard()
    if (outcome.kind !== 'reply') return this.#transfer(asked, outcome)
    const endsByErrors = this.#endsByErrors(outcome)
    const answering = endsByErrors ? this.#parts.end(tooManyErrors) : this.#carryOut(outcome)
    const { code } = endsByErrors ? tooManyErrors.answer : outcome.reply
    if (answering !== undefined) return this.#tellAfter(answering, asked, code)
    this.#tell(asked, code)
    return undefined
  }

  async #tellAfter(answering: Promise<void>, asked: Asked, code: number): Promise<void> {
    await answering
    this.#tell(asked, code)
  }

  #transfer(asked: Asked, outcome: Exclude<Outcome, { readonly kind: 'reply' }>): Promise<void> {
    const { transfers } = this.#parts
    const running =
      outcome.kind === 'transfer' ? transfers.run(outcome, asked.verb) : transfers.runTask(outcome.task, asked.verb)
    return running.then(code => this.#tell(asked, code))
  }

  #tell({ command, started }: Asked, code: number): void {
    const { services, state } = this.#parts
    this.#transferLimits?.end()
    const seconds = (performance.now() - started) / 1000
    services.telemetry.command(state.session, command?.verbs[0] ?? 'unknown', code, seconds)
  }

  /** Answers what is no command; it uses up what was set for the next one all the same. */
  refuse(answer: Reply): Promise<void> | undefined {
    this.#parts.state.settle(undefined, undefined)
    if (this.#endsByErrors({ kind: 'reply', reply: answer })) return this.#parts.end(tooManyErrors)
    return this.#parts.channel.send(answer)
  }

  #endsByErrors(outcome: Outcome): boolean {
    const { session, configuration } = this.#parts.state
    if (session.login.state === 'logged-in') this.#errors = 0
    else if (isError(outcome)) {
      this.#errors += 1
      const { maxErrorsBeforeLogin } = configuration.server.limits
      return maxErrorsBeforeLogin > 0 && this.#errors >= maxErrorsBeforeLogin
    }
    return false
  }

  #inTime(running: Promise<Outcome>): Promise<Outcome> {
    const { services, state } = this.#parts
    const { transferStallTimeoutSeconds, failedLoginDelayMilliseconds } = state.configuration.server.limits
    // A failed login is to take its time.
    const milliseconds = transferStallTimeoutSeconds * 1000 + failedLoginDelayMilliseconds
    return outcomeInTime(running, milliseconds, {
      discard: outcome => discard(outcome, services, state.session),
      onFault: error => services.telemetry.fault(error, state.session),
    })
  }

  #carryOut({ reply: answer, then }: Answer): Promise<void> | undefined {
    const { protection, channel } = this.#parts
    if (then === 'close') return this.#parts.end({ answer, reason: 'client quit', isAskedFor: answer.code === 221 })
    if (then === 'reinitialize') return this.#reinitialize(answer)
    if (then === 'stop-tls') return protection.stop(answer, 'cleared')
    return channel.send(answer)
  }

  /** Runs ABOR and STAT while a transfer does (RFC 1123 section 4.1.3.3); everything else waits for its end. */
  takeAtOnce(request: Request): boolean {
    return this.#parts.transfers.running !== undefined && this.#takeOutOfTurn(request)
  }

  #takeOutOfTurn(request: Request): boolean {
    const { services, state } = this.#parts
    const command = services.commands.table.get(request.verb)
    if (command?.duringTransfer?.(request.argument) !== true) return false
    this.#outOfTurn ??= new OutOfTurn(error => services.telemetry.fault(error, state.session))
    return this.#outOfTurn.take(() => this.#serveOutOfTurn(command, request))
  }

  async #serveOutOfTurn(command: Command, { argument }: Request): Promise<void> {
    const started = performance.now()
    const outcome = await dispatch(command, argument, contextOf(this.#parts))
    if (outcome.kind !== 'reply') return
    // RFC 959 section 4.1.3: 426 for the transfer first, then 226.
    const { services, state, transfers, channel } = this.#parts
    if (outcome.then === 'abort') await transfers.abort()
    await channel.send(outcome.reply)
    const seconds = (performance.now() - started) / 1000
    services.telemetry.command(state.session, command.verbs[0], outcome.reply.code, seconds)
  }

  #limit(command: Command): Reply | undefined | Promise<Reply | undefined> {
    const { services, state, transfers } = this.#parts
    this.#transferLimits ??= new TransferLimits(services.shared)
    return this.#transferLimits.begin(command, state.session.login, state.configuration, transfers.moved)
  }

  async #reset(change: SessionChange): Promise<void> {
    const { services, state, data } = this.#parts
    data.discard()
    const loggedOut = state.reset(change)
    if (loggedOut !== undefined) await logOut(services, state.session, loggedOut)
  }

  async #reinitialize(answer: Reply): Promise<void> {
    const { state, channel } = this.#parts
    const { protection, listener, serverName } = state.session
    // Under implicit TLS the host that was named in the handshake is that of the next login, too.
    const host = listener.tls === 'implicit' ? hostNamed(state.configuration, serverName)?.name : undefined
    await this.#reset({ host })
    // RFC 4217 section 13: the reply is protected still.
    if (protection === 'tls' && listener.tls !== 'implicit') return this.#parts.protection.stop(answer, 'clear')
    if (protection === 'cleared') this.#parts.protection.forget('clear')
    await channel.send(answer)
  }

  #countUnknown(): void {
    this.#unknownCommands += 1
    if (this.#unknownCommands % unknownCommandsAllowed === 0) this.#parts.offend('unknown-commands')
  }

  /** Whatever was running. */
  close(): void {
    this.#transferLimits?.end()
  }
}
