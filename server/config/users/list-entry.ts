/** One entry of a list of users, from what is written to a user. */
import type { CertificateCredential, Credential, User, UserFolder } from '../configuration.ts'
import { isUserName, parseTimestamp } from '../formats.ts'
import { type Network, parseNetwork } from '../network.ts'
import { brokenRules, userRules, within } from '../rules.ts'
import { scheduleOf } from '../schedule.ts'
import { type Permission, type Role, roles } from '../schema/permissions.ts'
import type { UserEntry } from '../schema/user.ts'
import { type Violation, validateUser } from '../validate.ts'

/** One entry of a list, checked against all that does not depend on other files. */
export type ListEntry = {
  /** Place in the file: `users[3]` or `line 3`. */
  readonly path: string
  /** Undefined if the entry has none that could be one. */
  readonly name: string | undefined
  readonly outcome: EntryOutcome
  /** With the secret of one-time codes, as written. */
  readonly totpFile?: string
}

export type EntryOutcome =
  | { readonly kind: 'user'; readonly user: User }
  /** Credentials are in files, whose names are as written. */
  | {
      readonly kind: 'password-file'
      /** Undefined where the user has a credential already. */
      readonly file: string | undefined
      readonly previous?: { readonly file: string; readonly expires: number }
      readonly user: Omit<User, 'credential'> & Partial<Pick<User, 'credential'>>
    }
  | { readonly kind: 'refused'; readonly violations: readonly Violation[] }

/** A list that was read. */
export type KnownList = {
  readonly entries: readonly ListEntry[]
  /** Of large lists, those of the entries as they were written, one behind the other: what has not changed is not checked again. */
  readonly entryDigests?: Uint8Array
}

export type ParsedList =
  | ({ readonly accepted: true } & KnownList)
  | { readonly accepted: false; readonly violations: readonly Violation[] }

export function parseEntry(value: unknown, index: number, networks: Map<string, Network>): ListEntry {
  const path = pathOf(index)
  const result = validateUser(value)
  const violations = result.valid ? brokenRules(userRules, result.value) : result.violations
  if (!result.valid || violations.length > 0) {
    return { path, name: nameOf(value), outcome: { kind: 'refused', violations: within(path, violations) } }
  }
  const totpFile = result.value.totp?.secretFile
  const outcome = entryOutcome(result.value, networks)
  return { path, name: result.value.name, outcome, ...(totpFile !== undefined && { totpFile }) }
}

/** Of an entry in a list in YAML or JSON. */
export function pathOf(index: number): string {
  return `users[${index}]`
}

/** Only what could be a name: anything else may be a secret that slipped. */
function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('name' in value)) return undefined
  return typeof value.name === 'string' && isUserName(value.name) ? value.name : undefined
}

export function entryOutcome(entry: UserEntry, networks: Map<string, Network>): EntryOutcome {
  const { passwordFile: file, previousPassword } = entry
  const user = userOf(entry, networks)
  const previousFile = previousPassword?.passwordFile
  if (previousPassword !== undefined && previousFile !== undefined) {
    const previous = { file: previousFile, expires: parseTimestamp(previousPassword.expires) ?? 0 }
    if (file !== undefined) return { kind: 'password-file', file, previous, user }
    return { kind: 'password-file', file, previous, user: { ...user, credential: credentialOf(entry) } }
  }
  if (file !== undefined) return { kind: 'password-file', file, user }
  return { kind: 'user', user: { ...user, credential: credentialOf(entry) } }
}

/** The one that is in the entry itself. */
function credentialOf({ passwordHash, clientCertificate }: UserEntry): Credential {
  if (passwordHash !== undefined) return { kind: 'password-hash', hash: passwordHash }
  return certificateOf(clientCertificate)
}

function certificateOf(clientCertificate: UserEntry['clientCertificate']): CertificateCredential {
  return clientCertificate?.commonName === undefined
    ? { kind: 'certificate', field: 'fingerprint', value: clientCertificate?.fingerprint?.toUpperCase() ?? '' }
    : { kind: 'certificate', field: 'commonName', value: clientCertificate.commonName }
}

function hasPassword({ passwordHash, passwordFile }: UserEntry): boolean {
  return passwordHash !== undefined || passwordFile !== undefined
}

function previousOf({ previousPassword }: UserEntry): Pick<User, 'previous'> {
  const hash = previousPassword?.passwordHash
  if (previousPassword === undefined || hash === undefined) return {}
  const expires = parseTimestamp(previousPassword.expires) ?? 0
  return { previous: { credential: { kind: 'password-hash', hash }, expires } }
}

/** Most users have none of what there may be several of. */
const none: readonly never[] = []
const noLimits: User['limits'] = {}

function userOf(entry: UserEntry, networks: Map<string, Network>): Omit<User, 'credential'> {
  return {
    name: entry.name,
    ...previousOf(entry),
    home: entry.home ?? `/${entry.name}`,
    permissions: permissionsOf(entry.permissions, entry.role ?? 'read-write'),
    paths: (entry.paths ?? none)
      .map(({ path, permissions, role }) => ({ path, permissions: permissionsOf(permissions, role ?? 'read-only') }))
      .toSorted((one, other) => other.path.length - one.path.length),
    ...(entry.names !== undefined && { names: entry.names }),
    ...(entry.folders !== undefined && { folders: entry.folders.map(userFolder) }),
    limits: entry.limits ?? noLimits,
    ...(entry.quota !== undefined && { quota: entry.quota }),
    ...(entry.bandwidth !== undefined && { bandwidth: entry.bandwidth }),
    allowedNetworks: (entry.allowedNetworks ?? []).flatMap(text => networkOf(text, networks) ?? []),
    ...(entry.hosts !== undefined && { hosts: entry.hosts.map(name => name.toLowerCase()) }),
    ...(hasPassword(entry) && entry.clientCertificate && { certificate: certificateOf(entry.clientCertificate) }),
    ...(entry.welcome !== undefined && { welcome: entry.welcome }),
    ...(entry.totp?.secret !== undefined && { totpSecret: entry.totp.secret }),
    ...(entry.schedule !== undefined && { schedule: scheduleOf(entry.schedule) }),
    tls: entry.tls ?? 'optional',
    disabled: entry.disabled ?? false,
    expires: entry.expires === undefined ? undefined : parseTimestamp(entry.expires),
  }
}

function permissionsOf(permissions: readonly Permission[] | undefined, role: Role): ReadonlySet<Permission> {
  return permissions === undefined ? rolePermissions[role] : new Set(permissions)
}

function userFolder({ path, target, permissions, role }: NonNullable<UserEntry['folders']>[number]): UserFolder {
  return { path, source: { kind: 'target', path: target }, permissions: permissionsOfFolder(permissions, role) }
}

/** Undefined where nothing is said. */
export function permissionsOfFolder(
  permissions: readonly Permission[] | undefined,
  role: Role | undefined,
): ReadonlySet<Permission> | undefined {
  return permissions === undefined && role === undefined ? undefined : permissionsOf(permissions, role ?? 'read-only')
}

const rolePermissions: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  'read-only': new Set(roles['read-only']),
  'read-write': new Set(roles['read-write']),
  'upload-only': new Set(roles['upload-only']),
}

/** The same few networks are those of many users. */
function networkOf(text: string, networks: Map<string, Network>): Network | undefined {
  const network = networks.get(text) ?? parseNetwork(text)
  if (network !== undefined) networks.set(text, network)
  return network
}
