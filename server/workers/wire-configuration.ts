/** A configuration as it goes from process to process: without functions, and the users by themselves. */
import type { Configuration, User } from '../config/configuration.ts'
import { parseNetwork } from '../config/network.ts'

export type WireConfiguration = Omit<Configuration, 'users'>
export type WireUser = Omit<User, 'allowedNetworks'> & { readonly allowedNetworks: readonly string[] }

const usersInPiece = 250

/** The users in pieces that take a millisecond each. */
export function* wireUsers({ users }: Configuration): Generator<readonly WireUser[]> {
  let piece: WireUser[] = []
  for (const user of users.values()) {
    piece.push({ ...user, allowedNetworks: user.allowedNetworks.map(({ text }) => text) })
    if (piece.length < usersInPiece) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}

export function wireConfiguration({ hash, server, certificate }: Configuration): WireConfiguration {
  return { hash, server, certificate }
}

export function userOf({ allowedNetworks, ...user }: WireUser): User {
  return { ...user, allowedNetworks: allowedNetworks.map(parseNetwork).filter(network => network !== undefined) }
}
