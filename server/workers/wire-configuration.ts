/** A configuration as it goes from process to process: without functions, and the users by themselves. */
import type { Configuration, User } from '../config/configuration.ts'
import { parseNetwork } from '../config/network.ts'
import { scheduleOf } from '../config/schedule.ts'
import type { ScheduleEntry } from '../config/schema/schedule.ts'

export type WireConfiguration = Omit<Configuration, 'users'>
export type WireUser = Omit<User, 'allowedNetworks' | 'schedule'> & {
  readonly allowedNetworks: readonly string[]
  readonly schedule?: ScheduleEntry
}

const usersInPiece = 250

/** The users in pieces that take a millisecond each. */
export function* wireUsers({ users }: Configuration): Generator<readonly WireUser[]> {
  let piece: WireUser[] = []
  for (const user of users.values()) {
    piece.push(wireUser(user))
    if (piece.length < usersInPiece) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}

function wireUser({ schedule, ...user }: User): WireUser {
  const allowedNetworks = user.allowedNetworks.map(({ text }) => text)
  return { ...user, allowedNetworks, ...(schedule !== undefined && { schedule: schedule.entry }) }
}

export function wireConfiguration({ hash, server, certificate, hosts }: Configuration): WireConfiguration {
  return { hash, server, certificate, hosts }
}

export function userOf({ allowedNetworks, schedule, ...user }: WireUser): User {
  return {
    ...user,
    allowedNetworks: allowedNetworks.map(parseNetwork).filter(network => network !== undefined),
    ...(schedule !== undefined && { schedule: scheduleOf(schedule) }),
  }
}
