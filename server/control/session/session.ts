/** What a session is: data without sockets or methods. Commands say what changes in it; session-state.ts keeps it. */

import type { Algorithm } from '../../checksums/algorithm.ts'
import type { User } from '../../config/configuration.ts'
import type { Language } from '../../config/schema/language.ts'
import type { ListenerConfiguration } from '../../config/schema.ts'
import type { Address } from '../../data/address.ts'
import type { FileStructure, TransmissionMode } from '../../data/encoding/encoding.ts'
import { type FactName, factNames } from '../../listing/facts.ts'
import type { UserStorage } from '../../storage/guarded.ts'

export type Login =
  | { readonly state: 'awaiting-user' }
  | { readonly state: 'awaiting-password'; readonly name: string }
  /** The user has proved all but the one-time code. */
  | { readonly state: 'awaiting-code'; readonly name: string; readonly user: User }
  | LoggedIn
/** The storage lets the user do what the permissions allow, and nothing else. */
export type LoggedIn = {
  readonly state: 'logged-in'
  readonly user: User
  readonly storage: UserStorage
  /** Whoever it is only tries the way in (`probes.user`). */
  readonly isProbe?: true
}

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
  /** What the client named in the TLS handshake (SNI), if TLS is on. */
  readonly serverName: string | undefined
  /** Virtual host that the client has named by HOST or by SNI, as the configuration had it; undefined: the server itself. */
  readonly host: string | undefined
  /** That LANG has chosen; undefined: that of the server. */
  readonly language: Language | undefined
  readonly login: Login
  readonly failedLogins: number
  /** Absolute virtual path. */
  readonly cwd: string
  /** RFC 959 TYPE: ASCII or image. */
  readonly type: 'ascii' | 'image'
  /** RFC 959 MODE. */
  readonly mode: TransmissionMode
  /** That OPTS MODE Z has set; undefined: as configured. */
  readonly deflateLevel: number | undefined
  /** RFC 959 STRU. */
  readonly structure: FileStructure
  /** Offset that REST set for the very next command; 0 if none. */
  readonly restartOffset: number
  /** Where the range ends that RANG set for the very next command: the first byte that is not in it. Without one, it reaches to the end. */
  readonly rangeEnd: number | undefined
  /** Path that RNFR named, for the very next command. */
  readonly renameFrom: string | undefined
  /** The same for SITE CPFR. */
  readonly copyFrom: string | undefined
  /** RFC 4217: PBSZ was given; PROT needs it. */
  readonly protectionBufferSet: boolean
  /** RFC 4217 PROT: clear or private. */
  readonly dataProtection: 'clear' | 'private'
  /** RFC 2428 EPSV ALL is in force. */
  readonly extendedPassiveOnly: boolean
  /** Facts of MLSD and MLST (OPTS MLST). */
  readonly facts: readonly FactName[]
  /** What HASH computes (OPTS HASH). */
  readonly hashAlgorithm: Algorithm
  /** What SITE UMASK takes away from the permission bits of what is made; without it, the process decides. */
  readonly umask: number | undefined
  /** What SITE IDLE asked for, within the limits. */
  readonly idleTimeoutSeconds: number | undefined
  /** What CLNT said the client is. */
  readonly client: string | undefined
}

export type SessionChange = Partial<Omit<Session, 'id' | 'listener' | 'peer' | 'local' | 'started' | 'protection'>>

type Settings = Omit<
  Session,
  'id' | 'listener' | 'peer' | 'local' | 'started' | 'protection' | 'clientCertificate' | 'serverName'
>

/** Whether it is none of people's: it counts nowhere, and is told of to nobody. */
export function isProbeSession({ login }: Pick<Session, 'login'>): boolean {
  return login.state === 'logged-in' && login.isProbe === true
}

/** As it is after connecting. */
export function newSession(connected: Pick<Session, 'id' | 'listener' | 'peer' | 'local' | 'started'>): Session {
  const { id, listener, peer, local, started } = connected
  // The copy comes first: an engine copies an object whole, but what is laid over one property by property.
  return {
    ...initialSettings(listener),
    id,
    listener,
    peer,
    local,
    started,
    protection: 'clear',
    clientCertificate: undefined,
    serverName: undefined,
  }
}

/** What a session begins with: after connecting, after the TLS handshake (RFC 4217 section 4.2) and after REIN. */
export function initialSettings(listener: ListenerConfiguration): Settings {
  return listener.tls === 'implicit' ? implicitSettings : clearSettings
}

const clearSettings: Settings = {
  host: undefined,
  language: undefined,
  login: { state: 'awaiting-user' },
  failedLogins: 0,
  cwd: '/',
  type: 'ascii',
  mode: 'stream',
  deflateLevel: undefined,
  structure: 'file',
  restartOffset: 0,
  rangeEnd: undefined,
  renameFrom: undefined,
  copyFrom: undefined,
  protectionBufferSet: false,
  dataProtection: 'clear',
  extendedPassiveOnly: false,
  facts: factNames,
  hashAlgorithm: 'SHA-256',
  umask: undefined,
  idleTimeoutSeconds: undefined,
  client: undefined,
}

/** rclone and others never send PROT on implicit FTPS. */
const implicitSettings: Settings = { ...clearSettings, protectionBufferSet: true, dataProtection: 'private' }

/** What a command uses up that was set for the very next one, whatever it is (RFC 959 section 4.1.3); undefined for nothing. */
export function spentSettings(session: Session, keepsRestart: boolean): SessionChange | undefined {
  const { restartOffset, rangeEnd, renameFrom, copyFrom } = session
  const restarts = !keepsRestart && (restartOffset > 0 || rangeEnd !== undefined)
  if (!restarts && renameFrom === undefined && copyFrom === undefined) return undefined
  const named = { renameFrom: undefined, copyFrom: undefined }
  return restarts ? { ...named, restartOffset: 0, rangeEnd: undefined } : named
}

/** The permission bits of what a session makes; undefined where the process decides. */
export function bitsOf({ umask }: Session, all: 0o666 | 0o777): number | undefined {
  return umask === undefined ? undefined : all & ~umask
}
