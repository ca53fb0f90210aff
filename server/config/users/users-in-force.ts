/** All lists of users together: who is in force, with the last good entry in place of a bad one. */
import { dirname, isAbsolute, posix, relative, resolve, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { maxPasswordBytes } from '../../auth/password-hash.ts'
import { isTotpSecret } from '../../auth/totp.ts'
import type { Problem, User } from '../configuration.ts'
import { mapBounded, readContent } from '../files.ts'
import { formats } from '../formats.ts'
import { comparePaths, type DigestedFile, digestOf, fileDigest } from '../hash.ts'
import { brokenRules, userSurroundingsRules, within } from '../rules.ts'
import type { ServerConfiguration } from '../schema.ts'
import type { Violation } from '../validate.ts'
import type { KnownList, ListEntry } from './list-entry.ts'
import { isUserList, passwordFileCredential, readUserList } from './users.ts'

/** A list as it was read last without being refused as a whole. */
export type ListPart = KnownList & {
  /** Of the content that the entries are from. */
  readonly digest: string
  /** Those of this list who are in force, by name. */
  readonly users: ReadonlyMap<string, User>
}

export type UsersInForce = {
  readonly lists: ReadonlyMap<string, ListPart>
  readonly users: ReadonlyMap<string, User>
  readonly problems: readonly Problem[]
  /** What is in force, for the hash of the configuration. */
  readonly files: readonly DigestedFile[]
  /** Absolute paths of the password files that lie outside `users/`. */
  readonly references: readonly string[]
}

export type UserFiles = {
  readonly directory: string
  readonly contents: ReadonlyMap<string, Uint8Array>
  /** Why a file or a directory on the way to it could not be read. */
  readonly faultOf: (path: string) => string | undefined
}

/** Reads all lists. Without a server's configuration the rules that need it are left out. */
export async function usersInForce(
  { directory, contents, faultOf }: UserFiles,
  previous: ReadonlyMap<string, ListPart>,
  server: ServerConfiguration | undefined,
): Promise<UsersInForce> {
  const digests = new Map<string, string>()
  for (const [path, content] of contents) if (path.startsWith('users/')) digests.set(path, await digestOf(content))
  const problems: Problem[] = []
  const read: ReadList[] = []
  const paths = new Set([...digests.keys(), ...[...previous.keys()].filter(path => faultOf(path) !== undefined)])
  for (const path of [...paths].filter(isUserList).toSorted(comparePaths)) {
    const last = previous.get(path)
    const content = contents.get(path)
    const list = content && (await readList(path, content, digests.get(path) ?? '', last))
    if (list?.accepted === true) {
      read.push({ path, digest: list.digest, list: listOf(list), stale: false })
      continue
    }
    problems.push(...(list?.violations ?? []).map(violation => ({ file: path, ...violation })))
    digests.delete(path)
    if (last === undefined) continue
    read.push({ path, digest: last.digest, list: listOf(last), stale: true })
    digests.set(path, last.digest)
  }
  const passwords = await readPasswords(directory, contents, read)
  const merged = await merge(read, previous, server, passwords)
  for (const [path, { digest }] of passwords.outside) if (digest !== undefined) digests.set(path, digest)
  return {
    lists: merged.lists,
    users: merged.users,
    problems: [...problems, ...merged.problems],
    files: [...digests].map(([path, digest]) => ({ path, digest })),
    references: [...passwords.outside.keys()].map(path => resolve(directory, path)),
  }
}

type ReadList = {
  readonly path: string
  readonly digest: string
  readonly list: KnownList
  /** The entries are the last good ones: what is wrong with some of them was said when they were new. */
  readonly stale: boolean
}

async function readList(path: string, content: Uint8Array, digest: string, last: ListPart | undefined) {
  if (last?.digest === digest) return { accepted: true, ...listOf(last), digest } as const
  return { ...(await readUserList(path, content, last)), digest }
}

function listOf({ entries, entryDigests }: KnownList): KnownList {
  return entryDigests === undefined ? { entries } : { entries, entryDigests }
}

type Password = ReturnType<typeof passwordFileCredential>
type Passwords = {
  /** The list's path and the file's name, as written. */
  readonly of: (list: string, file: string) => Password
  readonly outside: ReadonlyMap<string, { readonly password: Password; readonly digest: string | undefined }>
}

const maxPasswordFileBytes = maxPasswordBytes + '\r\n'.length

async function readPasswords(
  directory: string,
  contents: ReadonlyMap<string, Uint8Array>,
  lists: readonly ReadList[],
): Promise<Passwords> {
  const places = new Set(
    lists.flatMap(({ path, list: { entries } }) =>
      entries.flatMap(entry => filesOf(entry).map(file => passwordPath(directory, path, file))),
    ),
  )
  const elsewhere = [...places].filter(path => !contents.has(path))
  const read = await mapBounded(elsewhere, async path => {
    const content = await readContent(resolve(directory, path), maxPasswordFileBytes)
    if ('bytes' in content) {
      return { password: passwordFileCredential(content.bytes), digest: fileDigest(content.bytes) }
    }
    return {
      password: {
        kind: 'refused',
        message: `must name a password file that can be read: it ${content.fault}`,
      } as const,
      digest: undefined,
    }
  })
  const outside = new Map(elsewhere.flatMap((path, index) => (read[index] === undefined ? [] : [[path, read[index]]])))
  return {
    outside,
    of: (list, file) => {
      const path = passwordPath(directory, list, file)
      const content = contents.get(path)
      if (content !== undefined) return passwordFileCredential(content)
      return outside.get(path)?.password ?? { kind: 'refused', message: 'must name a password file that is there' }
    },
  }
}

function filesOf({ outcome, totpFile }: ListEntry): readonly string[] {
  const passwords = outcome.kind === 'password-file' ? [outcome.file, outcome.previous?.file] : []
  return [...passwords, totpFile].filter(file => file !== undefined)
}

/** Relative to the configuration directory if it lies within, otherwise absolute. */
function passwordPath(directory: string, list: string, file: string): string {
  const root = resolve(directory)
  const absolute = isAbsolute(file) ? resolve(file) : resolve(root, dirname(list), file)
  const inside = relative(root, absolute)
  return inside.startsWith('..') || isAbsolute(inside) ? absolute : inside.split(sep).join(posix.sep)
}

type Merged = Pick<UsersInForce, 'lists' | 'users' | 'problems'>

/** The first list, by path, that has a name keeps it. Within a list a good entry goes before the last good one of the same name. */
async function merge(
  read: readonly ReadList[],
  previous: ReadonlyMap<string, ListPart>,
  server: ServerConfiguration | undefined,
  passwords: Passwords,
): Promise<Merged> {
  const users = new Map<string, User>()
  const owners = new Map<string, string>()
  const lists = new Map<string, ListPart>()
  const problems: Problem[] = []
  let steps = 0
  for (const { path: file, digest, list, stale } of read) {
    const own = new Map<string, User>()
    const refusedNames = new Set<string>()
    const take = (user: User) => {
      users.set(user.name, user)
      owners.set(user.name, file)
      own.set(user.name, user)
    }
    for (const entry of list.entries) {
      if (++steps % batchSize === 0) await setImmediate()
      const judged = judge(entry, file, server, passwords)
      const owner = judged.user && owners.get(judged.user.name)
      if (judged.user !== undefined && owner === undefined) {
        take(judged.user)
        continue
      }
      if (judged.user === undefined && entry.name !== undefined) refusedNames.add(entry.name)
      if (stale && entry.outcome.kind === 'refused') continue
      const path = entry.path.startsWith('users[') ? `${entry.path}.name` : entry.path
      const message = `must be a name that no entry before it has; ${owner === file ? 'the same file' : `\`${owner}\``} has it already, and that one counts`
      const violations = owner === undefined ? judged.violations : [{ path, message }]
      problems.push(...violations.map(each => ({ file, ...(stale ? { ...each, path: '' } : each), user: entry.name })))
    }
    for (const name of refusedNames) {
      const last = previous.get(file)?.users.get(name)
      if (last !== undefined && !owners.has(name) && surroundingsViolations(last, server).length === 0) take(last)
    }
    lists.set(file, { ...list, digest, users: own })
  }
  return { lists, problems, users }
}

const batchSize = 2000

type Judgement =
  | { readonly user: User; readonly violations: readonly [] }
  | { readonly user: undefined; readonly violations: readonly Violation[] }

function judge(
  entry: ListEntry,
  file: string,
  server: ServerConfiguration | undefined,
  passwords: Passwords,
): Judgement {
  const { outcome } = entry
  if (outcome.kind === 'refused') return { user: undefined, violations: outcome.violations }
  const known = outcome.kind === 'user' ? outcome.user : withPasswords(outcome, name => passwords.of(file, name))
  const user = 'message' in known ? known : withTotp(known, entry.totpFile, name => passwords.of(file, name))
  if ('message' in user) return { user: undefined, violations: within(entry.path, [user]) }
  const violations = surroundingsViolations(user, server)
  if (violations.length === 0) return { user, violations: [] }
  // A line of htpasswd has no fields to name.
  const placed = entry.path.startsWith('users[')
    ? within(entry.path, violations)
    : violations.map(({ message }) => ({ path: entry.path, message }))
  return { user: undefined, violations: placed }
}

function withPasswords(
  { user, file, previous }: Extract<ListEntry['outcome'], { kind: 'password-file' }>,
  passwordOf: (file: string) => Password,
): User | Violation {
  const password = file === undefined ? user.credential : passwordOf(file)
  if (password === undefined || password.kind === 'refused') {
    return { path: 'passwordFile', message: password?.message ?? '' }
  }
  if (previous === undefined) return { ...user, credential: password }
  const last = passwordOf(previous.file)
  if (last.kind === 'refused') return { path: 'previousPassword.passwordFile', message: last.message }
  return { ...user, credential: password, previous: { credential: last, expires: previous.expires } }
}

function withTotp(user: User, file: string | undefined, contentOf: (file: string) => Password): User | Violation {
  if (file === undefined) return user
  const content = contentOf(file)
  if (content.kind === 'refused') return { path: 'totp.secretFile', message: content.message }
  const totpSecret = content.kind === 'password' ? content.password : ''
  if (isTotpSecret(totpSecret)) return { ...user, totpSecret }
  return { path: 'totp.secretFile', message: `must name a file with ${formats['totp-secret']?.words}` }
}

function surroundingsViolations(user: User, server: ServerConfiguration | undefined): readonly Violation[] {
  if (server === undefined) return []
  const { name, credential, certificate, hosts } = user
  const usesCertificate = credential.kind === 'certificate' || certificate !== undefined
  return brokenRules(userSurroundingsRules, { name, usesCertificate, hosts, server })
}
