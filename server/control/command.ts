/** What a command is, and what it may answer. The table in commands/index.ts is made of these. */
import type { Offence } from '../bans/offence.ts'
import type { ChecksumTurns } from '../checksums/turns.ts'
import type { Configuration, User } from '../config/configuration.ts'
import type { Permission } from '../config/schema/permissions.ts'
import type { Address } from '../data/address.ts'
import type { Transfer } from '../data/moving/transfer.ts'
import type { UserStorage } from '../storage/guarded.ts'
import type { SessionStatus } from '../telemetry/status.ts'
import type { Reply } from './reply.ts'
import type { LoggedIn, Session, SessionChange } from './session/session.ts'
import type { Task } from './session/session-task.ts'

/** The data connection as commands see it. Fails with DataChannelError. */
export interface DataChannelControl {
  /** `none` also once nobody has come to a passive port in time. */
  readonly state: 'none' | 'passive' | 'active'
  /** Opens a passive port in place of what was set up before. The address and port are those the client is to connect to. */
  listen(kind: 'pasv' | 'epsv'): Address | Promise<Address>
  /** Remembers the client's port, in place of what was set up before. */
  target(address: Address): void
  /** Drops what was set up. */
  discard(): void
}

/** What the whole server is doing, for STAT. */
export type Activity = { readonly sessions: number; readonly started: number }

export type Context = {
  readonly session: Session
  readonly configuration: Configuration
  readonly data: DataChannelControl
  readonly now: number
  readonly activity: Activity
  /** The transfer or task that runs now, for STAT and ABOR. */
  readonly transfer:
    | { readonly progress: { readonly bytes: number }; readonly path: string; readonly verb: string }
    | undefined
  /** The sessions of all processes, for SITE WHO; undefined if that can't be known in time. */
  readonly who: () => Promise<readonly SessionStatus[] | undefined>
  /** The table, for HELP and FEAT. */
  readonly commands: readonly Command[]
  /** Where checksums wait for their turn. */
  readonly checksums: Pick<ChecksumTurns, 'run'>
  /** Checks a password; a refusal takes its time (RFC 2577 section 5). */
  readonly authenticate: (
    name: string,
    password: string,
    proved?: User,
  ) => AuthenticationResult | Promise<AuthenticationResult>
  /** Logs in by the client's certificate alone, where that suffices. */
  readonly certificateLogin: (name: string) => Promise<LoggedIn | undefined>
}
export type LoggedInContext = Context & { readonly login: LoggedIn; readonly storage: UserStorage }

export type AuthenticationResult =
  | { readonly accepted: true; readonly login: LoggedIn }
  | { readonly accepted: false; readonly reply: Reply; readonly close: boolean }
  /** The password is right, and a one-time code is needed as well: it comes in its place then, with the user who was proved. */
  | { readonly accepted: 'in-part'; readonly user: User }

/** What session-commands.ts is to do. */
export type Outcome =
  | {
      readonly kind: 'reply'
      readonly reply: Reply
      readonly session?: SessionChange
      /** What the command counts as, where it was abuse. */
      readonly offence?: Offence
      /** `start-tls`: handshake after the reply; `stop-tls`: back to clear text after the reply; `reinitialize`: as after connecting; `abort`: end the running transfer first. */
      readonly then?: 'close' | 'start-tls' | 'stop-tls' | 'reinitialize' | 'abort'
    }
  | {
      readonly kind: 'transfer'
      readonly transfer: Transfer
      readonly opening: string
      readonly session?: SessionChange
    }
  /** What takes longer than a client should wait without a word. */
  | { readonly kind: 'task'; readonly task: Task; readonly session?: SessionChange }

type Description = {
  /** Upper case; the first is the name, the others are synonyms. */
  readonly verbs: readonly [string, ...string[]]
  /** In the notation of RFC 959 section 5.3. */
  readonly syntax: string
  /** Where it is defined, such as `RFC 3659 section 4`. */
  readonly rfc: string
  /** One sentence for HELP and the reference page. */
  readonly summary: string
  readonly argument: 'none' | 'optional' | 'required'
  /** Whether this session could use it, whoever its user is: if not, HELP and FEAT leave it out, and `run` says why. */
  readonly offered?: (context: Pick<Context, 'session' | 'configuration'>) => boolean
  /** Lines of FEAT (RFC 2389), where the session may use it. */
  readonly features?: (context: Context) => readonly string[]
  /** Whether it runs while a transfer does, without waiting for its end (RFC 1123 section 4.1.3.3). */
  readonly duringTransfer?: (argument: string) => boolean
  /** Begins at the offset that REST set: refused with 554 where the type gives it no meaning. */
  readonly restarts?: true
  /** Uses the data connection: refused with 425 while none is set up, and with 521 at the wrong protection level. */
  readonly transfers?: true
  /** May stand between REST and the transfer it is for. */
  readonly keepsRestart?: true
}

/** A command that needs no login. */
export type OpenCommand = Description & {
  readonly needs: 'nothing'
  readonly run: (context: Context, argument: string) => Outcome | Promise<Outcome>
}

/** A command for users who are logged in. Where it names permissions, the user has at least one of them somewhere; the storage checks them path by path. */
export type LoginCommand = Description & {
  /** `anything`: whatever it is that the user may do. */
  readonly needs: 'login' | 'anything' | Permission | readonly Permission[]
  /** All of them as well. */
  readonly needsAlso?: readonly Permission[]
  readonly run: (context: LoggedInContext, argument: string) => Outcome | Promise<Outcome>
}

export type Command = OpenCommand | LoginCommand
