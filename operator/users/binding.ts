/** Which FtpUsers a server takes, and what its pods get of them. Pure. */
import { createHash } from 'node:crypto'
import { userSchema } from '../../server/config/schema/user.ts'
import type { FtpServer } from '../api/ftp-server.ts'
import { usernameOf } from '../api/ftp-user.ts'
import { toServerStyle } from '../api/kubernetes-style.ts'
import { keyOf } from '../kubernetes/object.ts'
import { isAllowed } from '../observation/allowed-users.ts'
import type { ObservedUser } from '../observation/observed-user.ts'
import { bindingKeys, bindingSecretName } from '../observation/user-references.ts'
import { isLeaving, type Leaving, leavingOf, orderFiles, orderKeys } from './leaving.ts'
import { findPassword, keyPart } from './password.ts'
import { inPrecedence } from './precedence.ts'

export type Verdict =
  | { readonly accepted: true }
  /** `Pending`: what is missing is on its way. */
  | { readonly accepted: false; readonly reason: string; readonly message: string }

/** An FtpUser at a server. */
export type Binding = {
  /** Namespace and name of the FtpUser. */
  readonly key: string
  readonly uid: string
  readonly generation: number | undefined
  readonly username: string
  readonly verdict: Verdict
  /** What pods get of it, if it is accepted. */
  readonly entry: UserFiles | undefined
  /** Of a user who is being deleted. */
  readonly leaving?: Leaving
}

export type UserFiles = {
  /** As a list of users has it. */
  readonly user: Readonly<Record<string, unknown>>
  /** Files that it names. */
  readonly passwords: ReadonlyMap<string, Uint8Array>
  /** Of all of this. */
  readonly digest: string
}

/** After those of inline users in the order of bytes, and before those of lists: of users of one name the first wins. */
export const resourcePrefix = '00-resources'

/** All users that name the server: of two with one name the one that comes first has it. */
export function bindUsers(server: FtpServer, observed: readonly ObservedUser[], now: number): readonly Binding[] {
  const owners = new Map(server.spec.users.map(({ name }) => [name, `the server’s own spec.users`]))
  const users = observed.filter(({ user }) => user.metadata.deletionTimestamp === undefined || isLeaving(user))
  return inPrecedence(server, users).map(each => {
    const { user } = each
    const username = usernameOf(user)
    const identity = {
      key: keyOf(user.metadata),
      uid: user.metadata.uid,
      generation: user.metadata.generation,
      username,
    }
    const refuse = (reason: string, message: string): Binding => ({
      ...identity,
      verdict: { accepted: false, reason, message },
      entry: undefined,
    })
    if (!isAllowed(server, user, each.namespaceLabels)) {
      return refuse('NotAllowed', 'spec.allowedUsers of the server does not let it in')
    }
    const owner = owners.get(username)
    if (owner !== undefined) return refuse('NameConflict', `the name ${username} is taken by ${owner}`)
    if (isLeaving(user)) {
      // Who has the name next may have the same home: not before the order to remove it is gone.
      owners.set(username, `FtpUser ${identity.key}, which is being deleted`)
      return { ...refuse('Deleting', 'it is being deleted'), leaving: leavingOf(user, server.metadata) }
    }
    owners.set(username, `FtpUser ${identity.key}, which comes first`)
    const entry = entryOf(each, username, now)
    if ('reason' in entry) return refuse(entry.reason, entry.message)
    return { ...identity, verdict: { accepted: true }, entry }
  })
}

/** By file: lists of a sixteenth of the users each, so that a change of one leaves most of them as they are. */
export function resourceFiles(bindings: readonly Binding[]): ReadonlyMap<string, Uint8Array> {
  const lists = Map.groupBy(
    bindings.flatMap(({ entry, username }) => (entry === undefined ? [] : [{ entry, username }])),
    ({ username }) => listOf(username),
  )
  const files = [...lists].map(([key, users]): [string, Uint8Array] => {
    const sorted = users.toSorted((one, other) => (one.username < other.username ? -1 : 1))
    return [key, Buffer.from(JSON.stringify({ users: sorted.map(({ entry }) => entry.user) }))]
  })
  const passwords = bindings.flatMap(({ entry }) => [...(entry?.passwords ?? [])])
  return new Map([...files, ...passwords, ...orderFiles(bindings)])
}

/** Those whose files found no room are refused. */
export function withPlaces(bindings: readonly Binding[], places: ReadonlySet<string>): readonly Binding[] {
  return bindings.map(binding => {
    const { entry, username, leaving } = binding
    const order = leaving?.kind === 'ordered' ? orderKeys : []
    const keys = entry === undefined ? order : [listOf(username), ...entry.passwords.keys()]
    if (keys.every(key => places.has(key))) return binding
    const message = 'all users of the server together have no room in its Secrets'
    return { ...binding, verdict: { accepted: false, reason: 'TooLarge', message }, entry: undefined }
  })
}

// A name is always in the same list: it is in none for no moment.
function listOf(username: string): string {
  return `${resourcePrefix}-${createHash('sha256').update(username).digest('hex').slice(0, 1)}.json`
}

type Refused = { readonly reason: string; readonly message: string }

function entryOf(observed: ObservedUser, username: string, now: number): UserFiles | Refused {
  const { spec } = observed.user
  const current = currentPassword(observed)
  if (current !== undefined && 'reason' in current) return current
  const previous = previousPassword(observed, now)
  if (previous !== undefined && 'reason' in previous) return previous
  const totp = spec.totpSecretRef && findPassword(spec.totpSecretRef, observed.secrets.get(spec.totpSecretRef.name))
  if (totp !== undefined && 'reason' in totp) return totp
  const passwords = new Map<string, Uint8Array>()
  const put = (content: Uint8Array | undefined, ending: string): { readonly passwordFile?: string } => {
    if (content === undefined) return {}
    // Neither hashed here nor looked into: the server takes a password as well as a hash.
    const file = `${resourcePrefix}.${keyPart(username)}.${ending}`
    passwords.set(file, content)
    return { passwordFile: file }
  }
  const { passwordFile: secretFile } = put(totp?.content, 'totp')
  const user = {
    ...toServerStyle({ ...spec, name: username }, userSchema),
    ...put(current?.content, 'password'),
    ...(secretFile !== undefined && { totp: { secretFile } }),
    ...(previous !== undefined && {
      previousPassword: { ...previous.written, ...put(previous.content, 'previous') },
    }),
  }
  const digest = createHash('sha256').update(JSON.stringify(user))
  for (const content of passwords.values()) digest.update(`\0${content.length}\0`).update(content)
  return { user, passwords, digest: digest.digest('hex') }
}

/** Undefined if the user has it in the resource itself, or logs in without. */
function currentPassword({ user, secrets }: ObservedUser): { readonly content: Uint8Array } | Refused | undefined {
  const { passwordSecretRef, generatedPassword } = user.spec
  if (passwordSecretRef !== undefined) return findPassword(passwordSecretRef, secrets.get(passwordSecretRef.name))
  if (generatedPassword === undefined) return undefined
  const name = bindingSecretName(user.metadata.name)
  const found = findPassword({ name, key: bindingKeys.password }, secrets.get(name))
  return 'reason' in found ? { ...found, reason: 'Pending' } : found
}

type Previous = {
  readonly content: Uint8Array | undefined
  readonly written: { readonly expires: string; readonly passwordHash?: string }
}

function previousPassword({ user, secrets }: ObservedUser, now: number): Previous | Refused | undefined {
  const { previousPassword: given, generatedPassword } = user.spec
  if (given !== undefined) {
    const { passwordSecretRef: reference, passwordHash, expires } = given
    if (reference === undefined) {
      return { content: undefined, written: { expires, ...(passwordHash !== undefined && { passwordHash }) } }
    }
    const found = findPassword(reference, secrets.get(reference.name))
    return 'reason' in found ? found : { content: found.content, written: { expires } }
  }
  if (generatedPassword === undefined) return undefined
  const data = secrets.get(bindingSecretName(user.metadata.name))
  const content = data?.get(bindingKeys.previousPassword)
  const expires = Buffer.from(data?.get(bindingKeys.previousExpires) ?? []).toString()
  if (content === undefined || !(Date.parse(expires) > now)) return undefined
  return { content, written: { expires } }
}
