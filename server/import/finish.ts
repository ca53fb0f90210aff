/** Makes entries of a list of ours of drafts, each valid for itself. */
import { posix } from 'node:path'
import { isPasswordHash, maxPasswordBytes } from '../auth/password-hash.ts'
import { formats, isUserName } from '../config/formats.ts'
import { brokenRules, userRules } from '../config/rules.ts'
import type { UserEntry } from '../config/schema/user.ts'
import { validateUser } from '../config/validate.ts'
import type { Draft, Loss, Mistake, Place } from './draft.ts'

export type FinishOptions = {
  /** Directory of the machine the users come from, which becomes `root` of the server. Absolute. */
  readonly root: string
  /** What becomes of a user who could not log in, or could do more than before. */
  readonly onLoss: 'disable' | 'refuse'
  /** Hashes a clear password. */
  readonly hash: (password: string) => Promise<string>
  /** A hash that no password has. */
  readonly unusableHash: () => Promise<string>
}

export type Finished = {
  readonly place: Place
  readonly entry: UserEntry
  /** What to say beside the entry, each in a line. */
  readonly remarks: readonly string[]
  readonly losses: readonly Loss[]
}

/** Each draft becomes an entry or a mistake. */
export async function finishDrafts(
  drafts: readonly Draft[],
  options: FinishOptions,
): Promise<{ readonly users: readonly Finished[]; readonly mistakes: readonly Mistake[] }> {
  const users: Finished[] = []
  const mistakes: Mistake[] = []
  const seen = new Map<string, Place>()
  for (const draft of drafts) {
    const { place, name } = draft
    const before = seen.get(name)
    const finished =
      before === undefined
        ? await finish(draft, options)
        : `is there already: ${before.file}, line ${before.line}; the name must be given once`
    seen.set(name, before ?? place)
    if (typeof finished === 'string') {
      mistakes.push({ place, ...(isUserName(name) && { user: name }), message: finished })
    } else users.push(finished)
  }
  return { users, mistakes }
}

/** What is wrong, as a phrase, if something is. */
async function finish(draft: Draft, options: FinishOptions): Promise<Finished | string> {
  const { place, name, password, rights, limits, quota, bandwidth, allowedNetworks, schedule, names, tls } = draft
  if (!isUserName(name)) return `the name must be ${formats['user-name']?.words}`
  const home = homeBelow(options.root, draft.home)
  if (home === undefined) return `the home ${draft.home || '(none)'} must be a directory below ${options.root} (--root)`
  if (password.kind === 'clear' && Buffer.byteLength(password.text) > maxPasswordBytes) {
    return `the password must have at most ${maxPasswordBytes} bytes`
  }
  const { remarks, losses } = reasonsAgainst(draft)
  if (losses.some(({ kind }) => kind === 'wider') && options.onLoss === 'refuse') {
    return losses.flatMap(({ kind, message }) => (kind === 'wider' ? [message] : [])).join('; ')
  }
  const usable = password.kind === 'clear' || (password.kind === 'hash' && isPasswordHash(password.text))
  const entry = {
    name,
    passwordHash: usable
      ? password.kind === 'clear'
        ? await options.hash(password.text)
        : password.text
      : await options.unusableHash(),
    home,
    ...(rights?.kind === 'role' && { role: rights.role }),
    ...(rights?.kind === 'permissions' && { permissions: rights.permissions }),
    ...(limits !== undefined && { limits }),
    ...(quota !== undefined && { quota }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...(allowedNetworks !== undefined && { allowedNetworks }),
    ...(schedule !== undefined && { schedule }),
    ...(names !== undefined && { names }),
    ...(tls !== undefined && { tls }),
    ...(remarks.length > 0 && { disabled: true }),
  }
  const checked = validateUser(entry)
  const violations = checked.valid ? brokenRules(userRules, checked.value) : checked.violations
  if (!checked.valid || violations.length > 0) {
    return violations.map(({ path, message }) => `${path} ${message}`.trim()).join('; ')
  }
  return { place, entry: checked.value, remarks, losses }
}

/** Why it is disabled, and what is to be told of it. */
function reasonsAgainst({ password, disabled, losses }: Draft): Pick<Finished, 'remarks' | 'losses'> {
  const against = disabled === undefined ? [] : [`disabled: ${disabled}`]
  const unusable: Loss[] = []
  if (password.kind === 'none') against.push(`disabled: ${password.reason}`)
  if (password.kind === 'hash' && !isPasswordHash(password.text)) {
    unusable.push({ kind: 'wider', message: `its password is ${hashKind(password.text)}: it needs a new one` })
  }
  const all = [...unusable, ...losses]
  return {
    remarks: [...against, ...all.flatMap(({ kind, message }) => (kind === 'wider' ? [`disabled: ${message}`] : []))],
    losses: [...all, ...against.map((message): Loss => ({ kind: 'dropped', message }))],
  }
}

/** Says which format it is without repeating it. */
function hashKind(text: string): string {
  const [, identifier] = /^\$([\w-]{1,20})\$/.exec(text) ?? []
  const known: Readonly<Record<string, string>> = {
    1: 'md5-crypt ($1$)',
    md5: 'Sun MD5 ($md5$)',
    apr1: 'Apache’s MD5 ($apr1$)',
    2: 'bcrypt of its first, faulty version ($2$)',
    '2x': 'bcrypt of a faulty version ($2x$)',
    7: 'scrypt in the format of crypt(3) ($7$)',
    y: 'yescrypt ($y$)',
    gy: 'gost-yescrypt ($gy$)',
    sha1: 'sha1-crypt ($sha1$)',
    3: 'an NT hash ($3$)',
  }
  if (identifier !== undefined) {
    return `${known[identifier] ?? `a hash of the kind $${identifier}$, or out of bounds`}, which is not verified here`
  }
  if (/^[./0-9A-Za-z]{13}$/.test(text)) return 'a DES hash, which is not verified here'
  if (/^_[./0-9A-Za-z]{19}$/.test(text)) return 'an extended DES hash, which is not verified here'
  return 'in a format that is not known here'
}

/** As the server names it; undefined if it is not the root or below it. */
function homeBelow(root: string, home: string): string | undefined {
  if (!home.startsWith('/') || home.includes('\0')) return undefined
  const path = trimmed(posix.normalize(home))
  const base = trimmed(posix.normalize(root))
  if (base === '/') return path
  if (path === base) return '/'
  return path.startsWith(`${base}/`) ? path.slice(base.length) : undefined
}

function trimmed(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, '') : path
}
