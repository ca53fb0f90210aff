/** A ban: who may not come in, from when until when, and why. */
import type { Offence } from './offence.ts'

export type Ban = {
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly client: string
  /** Milliseconds since the epoch. */
  readonly from: number
  /** Milliseconds since the epoch. */
  readonly until: number
  /** Which ban of this client it is, counted from 1: each lasts twice as long as the one before. */
  readonly count: number
  /** What the client did last. */
  readonly offence: Offence
}

/** When and how bans are given. */
export type BanRules = {
  readonly threshold: number
  readonly windowSeconds: number
  readonly durationSeconds: number
  readonly maxDurationSeconds: number
  readonly maxAddresses: number
  /** Whether an address is never banned. */
  readonly isExempt: (address: string) => boolean
}
