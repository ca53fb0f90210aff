/** Lists of users as they are written, entry by entry: a bad one leaves the others alone. */
import { setImmediate } from 'node:timers/promises'
import { isPasswordHash } from '../auth/password-hash.ts'
import type { CertificateCredential, Credential, User, UserFolder } from './configuration.ts'
import { formats, isUserName, parseTimestamp } from './formats.ts'
import { ListThread } from './list-thread.ts'
import { type Network, parseNetwork } from './network.ts'
import { brokenRules, userRules, within } from './rules.ts'
import { scheduleOf } from './schedule.ts'
import { type Permission, type Role, roles } from './schema/permissions.ts'
import type { UserEntry } from './schema/user.ts'
import { decodeText } from './text.ts'
import { type Violation, validateUser, validateUserList } from './validate.ts'
import { parseYaml } from './yaml.ts'

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

export type ParsedList =
  | { readonly accepted: true; readonly entries: readonly ListEntry[] }
  | { readonly accepted: false; readonly violations: readonly Violation[] }

/** Whether a file below `users/` is a list, by its name. */
export function isUserList(path: string): boolean {
  return /\.(yaml|yml|json|htpasswd)$/.test(path)
}

/** Reads a list of any size, without holding up other work. */
export async function readUserList(path: string, content: Uint8Array): Promise<ParsedList> {
  if (content.length > largeBytes && !path.endsWith('.htpasswd')) return await parseLargeList(content)
  const text = decodeText(content)
  if (text === undefined) return { accepted: false, violations: [{ path: '', message: 'must be text in UTF-8' }] }
  return await parseUserList(path, text)
}

/** Parses a list; lets other work run between its entries, but not while it is taken apart into them. */
export async function parseUserList(path: string, text: string): Promise<ParsedList> {
  if (path.endsWith('.htpasswd')) return { accepted: true, entries: await parseHtpasswd(text) }
  const yaml = parseYaml(text)
  if (!yaml.parsed) return { accepted: false, violations: yaml.violations }
  const list = validateUserList(yaml.value)
  if (!list.valid) return { accepted: false, violations: list.violations }
  const networks = new Map<string, Network>()
  const entries: ListEntry[] = []
  await inSlices(list.value.users, value => entries.push(parseEntry(value, entries.length, networks)))
  return { accepted: true, entries }
}

/** What takes longer than a moment to parse is parsed elsewhere: YAML of this size takes up to 40 ms. */
const largeBytes = 131_072
const largeDeadlineMilliseconds = 60_000

async function parseLargeList(content: Uint8Array): Promise<ParsedList> {
  await using thread = new ListThread(largeDeadlineMilliseconds)
  try {
    const head = await thread.head(content)
    if (!head.parsed) return { accepted: false, violations: head.violations }
    const list = validateUserList(withCount(head.value, head.entries))
    if (!list.valid) return { accepted: false, violations: list.violations }
    const networks = new Map<string, Network>()
    const entries: ListEntry[] = []
    let values = await thread.entries()
    while (values.length > 0) {
      // The thread makes the next ones ready meanwhile.
      const next = thread.entries()
      next.catch(() => {})
      await inSlices(values, value => entries.push(parseEntry(value, entries.length, networks)))
      values = await next
    }
    return { accepted: true, entries }
  } catch (error) {
    const cause = tooLarge(error)
    if (cause === undefined) throw error
    return { accepted: false, violations: [{ path: '', message: cause }] }
  }
}

/** For a look at the list as a whole, its entries only count. */
function withCount(value: unknown, entries: number | undefined): unknown {
  return entries === undefined ? value : { ...(value as object), users: Array.from({ length: entries }) }
}

function tooLarge(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return 'must need less memory to read; JSON needs least'
  }
  return error.name === 'AbortError' || error.name === 'TimeoutError'
    ? `must be read within ${largeDeadlineMilliseconds / 1000} seconds; JSON is read quickest`
    : undefined
}

/** What a password file holds: a hash, or the password itself; one line end after it does not count. */
export function passwordFileCredential(
  content: Uint8Array,
): Credential | { readonly kind: 'refused'; readonly message: string } {
  const text = decodeText(content)?.replace(/\r?\n$/, '')
  if (text === undefined || text.length < 1 || text.length > 1024) {
    return { kind: 'refused', message: 'must name a file with a password of 1 to 1024 characters, or its hash' }
  }
  if (isPasswordHash(text)) return { kind: 'password-hash', hash: text }
  // Taken for a password, the hash itself would open the door to whoever has read it somewhere.
  if (/^\$(1|2[abxy]?|5|6|7|y|gy|apr1|md5|sha1|argon2\w*|scrypt|pbkdf2[\w-]*)\$/.test(text)) {
    return { kind: 'refused', message: `must name a file whose hash is ${formats['password-hash']?.words}` }
  }
  return { kind: 'password', password: text }
}

/** Does something with each item, in slices that leave time for other work: 100,000 users must not hold up a transfer. */
async function inSlices<Item>(items: Iterable<Item>, use: (item: Item) => void): Promise<void> {
  let end = performance.now() + sliceMilliseconds
  let used = 0
  for (const item of items) {
    use(item)
    used += 1
    if (used % itemsPerClock !== 0 || performance.now() < end) continue
    await setImmediate()
    end = performance.now() + sliceMilliseconds
  }
}

const sliceMilliseconds = 5
const itemsPerClock = 16

function parseEntry(value: unknown, index: number, networks: Map<string, Network>): ListEntry {
  const path = `users[${index}]`
  const result = validateUser(value)
  const violations = result.valid ? brokenRules(userRules, result.value) : result.violations
  if (!result.valid || violations.length > 0) {
    return { path, name: nameOf(value), outcome: { kind: 'refused', violations: within(path, violations) } }
  }
  const totpFile = result.value.totp?.secretFile
  const outcome = entryOutcome(result.value, networks)
  return { path, name: result.value.name, outcome, ...(totpFile !== undefined && { totpFile }) }
}

/** Only what could be a name: anything else may be a secret that slipped. */
function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('name' in value)) return undefined
  return typeof value.name === 'string' && isUserName(value.name) ? value.name : undefined
}

function entryOutcome(entry: UserEntry, networks: Map<string, Network>): EntryOutcome {
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

function userOf(entry: UserEntry, networks: Map<string, Network>): Omit<User, 'credential'> {
  return {
    name: entry.name,
    ...previousOf(entry),
    home: entry.home ?? `/${entry.name}`,
    permissions: permissionsOf(entry.permissions, entry.role ?? 'read-write'),
    paths: (entry.paths ?? [])
      .map(({ path, permissions, role }) => ({ path, permissions: permissionsOf(permissions, role ?? 'read-only') }))
      .toSorted((one, other) => other.path.length - one.path.length),
    ...(entry.names !== undefined && { names: entry.names }),
    ...(entry.folders !== undefined && { folders: entry.folders.map(userFolder) }),
    limits: entry.limits ?? {},
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

/** Lines `name:hash`, as htpasswd writes them; empty ones and those that begin with `#` do not count. */
async function parseHtpasswd(text: string): Promise<readonly ListEntry[]> {
  const entries: ListEntry[] = []
  let number = 0
  await inSlices(linesOf(text), line => {
    number += 1
    entries.push(...parseLine(line.trim(), `line ${number}`))
  })
  return entries
}

function* linesOf(text: string): Iterable<string> {
  let start = 0
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    yield text.slice(start, end)
    start = end + 1
  }
}

function parseLine(line: string, path: string): readonly ListEntry[] {
  if (line === '' || line.startsWith('#')) return []
  const colon = line.indexOf(':')
  const name = colon === -1 ? '' : line.slice(0, colon)
  const hash = line.slice(colon + 1)
  if (!isUserName(name)) {
    const message = `must be \`name:hash\`, where the name is ${formats['user-name']?.words}`
    return [{ path, name: undefined, outcome: { kind: 'refused', violations: [{ path, message }] } }]
  }
  if (!isPasswordHash(hash)) {
    const message = `must be \`name:hash\`, where the hash is ${formats['password-hash']?.words}`
    return [{ path, name, outcome: { kind: 'refused', violations: [{ path, message }] } }]
  }
  return [{ path, name, outcome: entryOutcome({ name, passwordHash: hash }, new Map()) }]
}
