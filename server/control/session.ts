/** What a session is: data without sockets or methods. Commands say what changes in it; connection.ts keeps it. */

import type { User } from '../config/configuration.ts'
import type { ListenerConfiguration } from '../config/schema.ts'
import { type FactName, factNames } from '../listing/facts.ts'
import type { Storage } from '../storage/storage.ts'

export type Address = { readonly address: string; readonly port: number }

export type Login =
  | { readonly state: 'awaiting-user' }
  | { readonly state: 'awaiting-password'; readonly name: string }
  | LoggedIn
/** The storage lets the user do what the permissions allow, and nothing else. */
export type LoggedIn = { readonly state: 'logged-in'; readonly user: User; readonly storage: Storage }

/** What the control connection is protected by. `cleared`: CCC has taken it back to clear text (RFC 4217 section 5). */
export type Protection = 'clear' | 'tls' | 'cleared'

export type Session = {
  readonly id: string
  readonly listener: ListenerConfiguration
  /** The client's end of the control connection. */
  readonly peer: Address
  readonly local: Address
  readonly started: number
  readonly protection: Protection
  /** Common name and fingerprint of the client's certificate, if it gave one and it was valid. */
  readonly clientCertificate: { readonly commonName: string; readonly fingerprint: string } | undefined
  readonly login: Login
  readonly failedLogins: number
  /** Absolute virtual path. */
  readonly cwd: string
  /** RFC 959 TYPE: ASCII or image. */
  readonly type: 'ascii' | 'image'
  /** Offset that REST set for the very next command; 0 if none. */
  readonly restartOffset: number
  /** Path that RNFR named, for the very next command. */
  readonly renameFrom: string | undefined
  /** RFC 4217: PBSZ was given; PROT needs it. */
  readonly protectionBufferSet: boolean
  /** RFC 4217 PROT: clear or private. */
  readonly dataProtection: 'clear' | 'private'
  /** RFC 2428 EPSV ALL is in force. */
  readonly extendedPassiveOnly: boolean
  /** Facts of MLSD and MLST (OPTS MLST). */
  readonly facts: readonly FactName[]
  /** What CLNT said the client is. */
  readonly client: string | undefined
}

export type SessionChange = Partial<Omit<Session, 'id' | 'listener' | 'peer' | 'local' | 'started' | 'protection'>>

type Settings = Omit<Session, 'id' | 'listener' | 'peer' | 'local' | 'started' | 'protection' | 'clientCertificate'>

/** What a session begins with: after connecting, after the TLS handshake (RFC 4217 section 4.2) and after REIN. */
export function initialSettings(listener: ListenerConfiguration): Settings {
  // rclone and others never send PROT on implicit FTPS.
  const implicit = listener.tls === 'implicit'
  return {
    login: { state: 'awaiting-user' },
    failedLogins: 0,
    cwd: '/',
    type: 'ascii',
    restartOffset: 0,
    renameFrom: undefined,
    protectionBufferSet: implicit,
    dataProtection: implicit ? 'private' : 'clear',
    extendedPassiveOnly: false,
    facts: factNames,
    client: undefined,
  }
}
