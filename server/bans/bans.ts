/** The bans of a server in a running state: counts offences, bans, forgets, and shares bans with other servers. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Network, parseNetwork } from '../config/network.ts'
import type { ServerConfiguration } from '../config/schema.ts'
import type { Ban, BanRules } from './ban.ts'
import { BanBook } from './ban-book.ts'
import { BanSharing } from './ban-sharing.ts'
import { clientKey } from './client-key.ts'
import type { Offence } from './offence.ts'
import type { OffenceReports } from './offence-reports.ts'

export interface BanTelemetry {
  offended(offence: Offence): void
  /** A client was banned by this server. */
  banned(ban: Ban): void
  banEnded(ban: Ban, reason: 'over' | 'lifted'): void
  /** Bans that others gave, or this server before a restart, have come into force. */
  bansTakenOver(count: number): void
  bansInForce(count: number): void
  /** Files of bans are ignored. */
  banFilesIgnored(directory: string, files: readonly string[]): void
  /** Bans are kept in memory only, because of an error, or shared again. */
  banSharing(directory: string, error: unknown): void
}

export type BansOptions = {
  readonly configuration: ServerConfiguration
  readonly telemetry: BanTelemetry
  /** Told of each client that is banned from now on, and again of one that goes on guessing: its sessions are to end unless a user is logged in. */
  readonly onBegun: (client: string) => void
  /** Of letters and digits, another one at each start. */
  readonly instance: string
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

type Settings = Pick<ServerConfiguration, 'bans' | 'state'>

const tickMilliseconds = 1000
/** A volume that hangs must not keep a server from starting or ending. */
const volumeDeadlineMilliseconds = 3000

export class Bans implements OffenceReports {
  readonly #options: BansOptions
  readonly #now: () => number
  readonly #book: BanBook
  #settings: Settings
  #exempt: readonly Network[]
  #sharing: BanSharing | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: BansOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#settings = options.configuration
    this.#exempt = networksOf(options.configuration)
    this.#book = new BanBook(this.#rules())
    this.#sharing = this.#shared()
  }

  /** Reads what is shared, and goes on doing so until it is closed. */
  async open(): Promise<void> {
    this.#timer ??= setInterval(() => void this.tick(), tickMilliseconds)
    await this.#inTime(this.tick())
  }

  /** Other rules from now on. Bans of clients that are exempt by them are lifted; all are, where banning is disabled. */
  follow(configuration: ServerConfiguration): void {
    this.#settings = configuration
    this.#exempt = networksOf(configuration)
    const lifted = this.#book.follow(this.#rules())
    for (const ban of lifted) this.#options.telemetry.banEnded(ban, 'lifted')
    if (this.#sharing?.directory !== directoryOf(configuration)) {
      // Those who read the directory learn what was lifted.
      void flush(this.#sharing)
      this.#sharing = this.#shared()
    }
    void this.tick()
  }

  /** Whether connections from there are refused now. */
  isBanned(address: string): boolean {
    if (!this.#settings.bans.enabled || this.#book.size === 0) return false
    return this.#book.find(clientKey(address), this.#now()) !== undefined && !this.#isExempt(address)
  }

  offended(address: string, offence: Offence, user?: string): void {
    const { telemetry, onBegun } = this.#options
    if (!this.#settings.bans.enabled || this.#isExempt(address)) return
    telemetry.offended(offence)
    const client = clientKey(address)
    if (this.isBanned(address)) {
      // A session that was spared because a user was logged in: it is not for trying others.
      if (offence === 'wrong-password' || offence === 'unknown-user') onBegun(client)
      return
    }
    const ban = this.#book.offend(client, offence, user, this.#now())
    if (ban === undefined) return
    telemetry.banned(ban)
    telemetry.bansInForce(this.#book.size)
    onBegun(client)
  }

  loggedIn(address: string, user: string): void {
    this.#book.forgive(clientKey(address), user)
  }

  /** Bans in force, the latest last. */
  inForce(): Iterable<Ban> {
    return this.#book.inForce(this.#now())
  }

  /** How many there are of them. */
  get size(): number {
    return this.#book.size
  }

  /** What is to be done once a second: ends bans that are over, and reads and writes what is shared. */
  async tick(): Promise<void> {
    const { telemetry } = this.#options
    for (const ban of this.#book.expire(this.#now())) telemetry.banEnded(ban, 'over')
    telemetry.bansInForce(this.#book.size)
    await this.#sharing?.exchange()
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#inTime(flush(this.#sharing))
  }

  #rules(): BanRules {
    const { enabled, ...rules } = this.#settings.bans
    return { ...rules, isExempt: address => !enabled || this.#isExempt(address) }
  }

  #isExempt(address: string): boolean {
    return this.#exempt.some(network => network.contains(address))
  }

  #shared(): BanSharing | undefined {
    const { telemetry, onBegun, instance } = this.#options
    const directory = directoryOf(this.#settings)
    if (directory === undefined) return undefined
    return new BanSharing({
      book: this.#book,
      directory,
      instance,
      now: this.#now,
      onBegun: bans => {
        telemetry.bansTakenOver(bans.length)
        telemetry.bansInForce(this.#book.size)
        for (const { client } of bans) onBegun(client)
      },
      onBroken: files => telemetry.banFilesIgnored(directory, files),
      onTrouble: error => telemetry.banSharing(directory, error),
    })
  }

  async #inTime(work: Promise<unknown>): Promise<void> {
    const timeout = new AbortController()
    const late = delay(volumeDeadlineMilliseconds, undefined, { signal: timeout.signal }).catch(() => undefined)
    await Promise.race([work, late])
    timeout.abort()
  }
}

/** The first time may be one that began before the last change. */
async function flush(sharing: BanSharing | undefined): Promise<void> {
  await sharing?.exchange()
  await sharing?.exchange()
}

/** Where nobody is banned, nothing is shared. */
function directoryOf({ bans, state }: Settings): string | undefined {
  return bans.enabled ? state.directory : undefined
}

function networksOf({ bans }: Settings): readonly Network[] {
  return bans.exemptNetworks.flatMap(text => parseNetwork(text) ?? [])
}
