/** The book of points and bans: who has done what, who is banned, and for how long. Holds a bounded number of clients; knows no clock. */
import type { Ban, BanRules } from './ban.ts'
import { addressOf } from './client-key.ts'
import { type Offence, offencePoints } from './offence.ts'

/** A ban, and whether this server has to keep it for others: it gave it, or took it over from one that is gone. */
type Kept = { readonly ban: Ban; readonly own: boolean }
type Mark = { readonly time: number; readonly points: number; readonly user: string | undefined }

export class BanBook {
  #rules: BanRules
  /** The client that offended last is the last one. */
  readonly #marks = new Map<string, Mark[]>()
  /** Bans in force, and those that are over but not forgotten. The client that was banned last is the last one. */
  readonly #kept = new Map<string, Kept>()
  readonly #inForce = new Set<string>()
  #ownRevision = 0

  constructor(rules: BanRules) {
    this.#rules = rules
  }

  /** Other rules from now on: bans of clients who are exempt by them are lifted, and returned. */
  follow(rules: BanRules): readonly Ban[] {
    this.#rules = rules
    const lifted: Ban[] = []
    for (const [client, { ban }] of this.#kept) {
      if (!rules.isExempt(addressOf(client))) continue
      if (this.#drop(client)) lifted.push(ban)
    }
    for (const client of this.#marks.keys()) if (rules.isExempt(addressOf(client))) this.#marks.delete(client)
    this.#bound()
    return lifted
  }

  /**
   * Counts an offence; returns the ban that it leads to. The user is one that exists, and whose own login makes up for it.
   * Who is banned already gathers no points.
   */
  offend(client: string, offence: Offence, user: string | undefined, now: number): Ban | undefined {
    const { threshold, windowSeconds } = this.#rules
    if (this.find(client, now) !== undefined) return undefined
    const since = now - windowSeconds * 1000
    // What lies in the future was written before the clock was set back.
    const marks = (this.#marks.get(client) ?? []).filter(({ time }) => time > since && time <= now)
    marks.push({ time: now, points: offencePoints[offence], user })
    this.#marks.delete(client)
    if (marks.reduce((sum, { points }) => sum + points, 0) >= threshold) return this.#ban(client, offence, now)
    this.#marks.set(client, marks)
    this.#bound()
    return undefined
  }

  /** Forgives a client the failed logins of a user who has logged in now. Those of other users stay: one valid account must not pay for trying others (credential stuffing). */
  forgive(client: string, user: string): void {
    const marks = this.#marks.get(client)
    if (marks === undefined) return
    const others = marks.filter(mark => mark.user !== user)
    if (others.length === 0) this.#marks.delete(client)
    else this.#marks.set(client, others)
  }

  /** The ban of a client that is in force. */
  find(client: string, now: number): Ban | undefined {
    const ban = this.#kept.get(client)?.ban
    return ban !== undefined && this.#isInForce(ban, now) ? ban : undefined
  }

  /** Bans in force, the latest last. */
  *inForce(now: number): Generator<Ban> {
    for (const { ban } of this.#kept.values()) if (this.#isInForce(ban, now)) yield ban
  }

  /** Bans that others gave, or this server before it was started again. Returns those that were not in force here. */
  takeOver(bans: Iterable<Ban>, keep: 'own' | 'of-others', now: number): readonly Ban[] {
    const begun: Ban[] = []
    for (const written of bans) {
      const ban = this.#plausible(written, now)
      if (this.#isForgotten(ban, now) || this.#rules.isExempt(addressOf(ban.client))) continue
      const known = this.#kept.get(ban.client)
      const own = keep === 'own' || known?.own === true
      if (known !== undefined && known.ban.until >= ban.until) {
        if (own && !known.own) this.#keep(known.ban, own, now)
        continue
      }
      if (now < ban.until && !this.#inForce.has(ban.client)) begun.push(ban)
      this.#keep(ban, own, now)
      if (now < ban.until) this.#marks.delete(ban.client)
    }
    this.#bound()
    return begun
  }

  /** Forgets what is over for long enough. Returns the bans that have ended since the last call. */
  expire(now: number): readonly Ban[] {
    const ended: Ban[] = []
    for (const [client, kept] of this.#kept) {
      const ban = this.#plausible(kept.ban, now)
      if (ban.until !== kept.ban.until) this.#kept.set(client, { ...kept, ban })
      if (now >= ban.until && this.#inForce.delete(client)) ended.push(ban)
      if (this.#isForgotten(ban, now)) this.#drop(client)
    }
    const since = now - this.#rules.windowSeconds * 1000
    for (const [client, marks] of this.#marks) if ((marks.at(-1)?.time ?? 0) <= since) this.#marks.delete(client)
    return ended
  }

  /** How many bans are in force; those that have ended count until expire is called. */
  get size(): number {
    return this.#inForce.size
  }

  /** How many clients are remembered, banned or not. */
  get remembered(): number {
    return this.#marks.size + this.#kept.size
  }

  /** Changes whenever `own` does. */
  get ownRevision(): number {
    return this.#ownRevision
  }

  /** What this server keeps for others, and for itself after a restart. */
  own(): readonly Ban[] {
    return [...this.#kept.values()].filter(({ own }) => own).map(({ ban }) => ban)
  }

  #ban(client: string, offence: Offence, now: number): Ban {
    const { durationSeconds, maxDurationSeconds } = this.#rules
    const before = this.#kept.get(client)?.ban
    const count = before === undefined || this.#isForgotten(before, now) ? 1 : before.count + 1
    const seconds = Math.min(durationSeconds * 2 ** (count - 1), maxDurationSeconds)
    const ban: Ban = { client, from: now, until: now + seconds * 1000, count, offence }
    this.#keep(ban, true, now)
    this.#bound()
    return ban
  }

  #keep(ban: Ban, own: boolean, now: number): void {
    const { client } = ban
    if (own || this.#kept.get(client)?.own === true) this.#ownRevision += 1
    this.#kept.delete(client)
    this.#kept.set(client, { ban, own })
    if (now < ban.until) this.#inForce.add(client)
  }

  #drop(client: string): boolean {
    if (this.#kept.get(client)?.own === true) this.#ownRevision += 1
    this.#kept.delete(client)
    return this.#inForce.delete(client)
  }

  /** What has ended stays so, however the clock is set. */
  #isInForce({ client, until }: Ban, now: number): boolean {
    return now < until && this.#inForce.has(client)
  }

  /** Who came back so late counts as new. */
  #isForgotten({ until }: Ban, now: number): boolean {
    return now >= until + this.#rules.maxDurationSeconds * 1000
  }

  /** No ban lasts longer than the longest from now, whatever a file says and however the clock is set. */
  #plausible(ban: Ban, now: number): Ban {
    const until = Math.min(ban.until, now + this.#rules.maxDurationSeconds * 1000)
    return until === ban.until ? ban : { ...ban, until }
  }

  /** The oldest go: who offended, or was banned, longest ago. */
  #bound(): void {
    const { maxAddresses } = this.#rules
    for (const client of this.#marks.keys()) {
      if (this.#marks.size <= maxAddresses) break
      this.#marks.delete(client)
    }
    for (const client of this.#kept.keys()) {
      if (this.#kept.size <= maxAddresses) break
      this.#drop(client)
    }
  }
}
