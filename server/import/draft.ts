/** What is read of another server's user, before it is an entry of a list of ours. */
import type { Permission, Role } from '../config/schema/permissions.ts'
import type { UserEntry } from '../config/schema/user.ts'

/** Of each session; undefined where a rate is none, or too low to be one here. */
export function bandwidthOf(up: number, down: number): Draft['bandwidth'] {
  if (![up, down].some(rate => rate >= leastRate)) return undefined
  return {
    perSession: {
      ...(up >= leastRate && { uploadBytesPerSecond: up }),
      ...(down >= leastRate && { downloadBytesPerSecond: down }),
    },
  }
}

const leastRate = 1024

/** Where something stands: a file as it was named, and a line from 1. */
export type Place = { readonly file: string; readonly line: number }

/** Something that can't be read; the user it belongs to, if any, is left out. */
export type Mistake = { readonly place: Place; readonly user?: string; readonly message: string }

/** What of a user is not carried over. */
export type Loss = {
  /** `wider`: the user could do more here than there. `dropped`: it is missed, but opens nothing. */
  readonly kind: 'wider' | 'dropped'
  readonly message: string
}

export type DraftPassword =
  | { readonly kind: 'hash'; readonly text: string }
  | { readonly kind: 'clear'; readonly text: string }
  /** Nobody can log in by it: a phrase that says why. */
  | { readonly kind: 'none'; readonly reason: string }

export type Draft = {
  readonly place: Place
  readonly name: string
  readonly password: DraftPassword
  /** A directory of the machine it comes from. */
  readonly home: string
  readonly rights?:
    | { readonly kind: 'role'; readonly role: Role }
    | { readonly kind: 'permissions'; readonly permissions: readonly Permission[] }
  readonly limits?: NonNullable<UserEntry['limits']>
  readonly quota?: NonNullable<UserEntry['quota']>
  readonly bandwidth?: NonNullable<UserEntry['bandwidth']>
  readonly allowedNetworks?: readonly string[]
  readonly schedule?: NonNullable<UserEntry['schedule']>
  readonly names?: NonNullable<UserEntry['names']>
  readonly tls?: 'required'
  /** Why the user may not log in there, as a phrase. */
  readonly disabled?: string
  readonly losses: readonly Loss[]
}

export type Drafts = { readonly drafts: readonly Draft[]; readonly mistakes: readonly Mistake[] }

export function dropped(message: string): Loss {
  return { kind: 'dropped', message }
}

export function wider(message: string): Loss {
  return { kind: 'wider', message }
}
