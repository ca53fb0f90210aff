/** What connections share: everything a session needs from the server, passed down once. */
import type { Authenticator } from '../auth/authenticator.ts'
import type { UsedCodes } from '../auth/used-codes.ts'
import type { OffenceReports } from '../bans/offence-reports.ts'
import type { ChecksumTurns } from '../checksums/turns.ts'
import type { Configuration, User } from '../config/configuration.ts'
import type { TransferMeans } from '../data/means.ts'
import type { AdvertisedAddresses } from '../data/passive/advertised-address.ts'
import type { PassivePorts } from '../data/passive/passive.ts'
import type { Bandwidth } from '../data/rate/bandwidth.ts'
import type { Storage } from '../storage/storage.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { Member } from '../tls/kin.ts'
import type { SessionTls } from '../tls/session-tls.ts'
import type { SharedState } from '../workers/shared-state.ts'
import type { Activity, Command, Context } from './command.ts'
import type { CommandTable } from './dispatch.ts'
import type { InputMemory } from './input/control-input.ts'

export type Services = {
  /** What is in force now. */
  readonly configuration: () => Configuration
  readonly commands: { readonly list: readonly Command[]; readonly table: CommandTable }
  readonly telemetry: Telemetry
  readonly authenticator: Authenticator
  /** One-time codes that were taken. */
  readonly usedCodes: UsedCodes
  /** Who is told of failed logins and abuse. */
  readonly offences: OffenceReports
  /** What the sessions of all processes take from each other. */
  readonly shared: SharedState
  /** The home of a user, without regard to permissions. Rejects with a StorageError. */
  readonly openStorage: (user: User, configuration: Configuration) => Storage | Promise<Storage>
  readonly checksums: ChecksumTurns
  readonly passivePorts: PassivePorts
  readonly advertisedAddresses: AdvertisedAddresses
  readonly transferMeans: TransferMeans
  readonly bandwidth: Bandwidth
  /** One for each control connection, with the certificate of the host that was named before: its data connections prove by it whose they are. */
  readonly createSessionTls: (session: Member) => SessionTls
  readonly activity: () => Activity
  readonly who: Context['who']
  readonly inputMemory: InputMemory
  readonly createId: () => string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
