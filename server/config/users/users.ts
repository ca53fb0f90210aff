/** Lists of users as they are written, entry by entry: a bad one leaves the others alone. */
import { isPasswordHash, maxPasswordBytes } from '../../auth/password-hash.ts'
import type { Credential } from '../configuration.ts'
import { formats, isUserName, wordsFor } from '../formats.ts'
import type { Network } from '../network.ts'
import { inSlices } from '../slices.ts'
import { decodeText } from '../text.ts'
import { validateUserList } from '../validate.ts'
import { parseYaml } from '../yaml/yaml.ts'
import { parseLargeList } from './large-list.ts'
import { entryOutcome, type KnownList, type ListEntry, type ParsedList, parseEntry } from './list-entry.ts'

/** Whether a file below `users/` is a list, by its name. */
export function isUserList(path: string): boolean {
  return /\.(yaml|yml|json|htpasswd)$/.test(path)
}

/** Reads a list of any size, without holding up other work. Entries that were in the list before are taken from there. */
export async function readUserList(path: string, content: Uint8Array, last?: KnownList): Promise<ParsedList> {
  if (content.length > largeBytes && !path.endsWith('.htpasswd')) return await parseLargeList(content, last)
  const text = decodeText(content)
  if (text === undefined) return { accepted: false, violations: [{ path: '', message: 'must be text in UTF-8' }] }
  return await parseUserList(path, text, last)
}

/** Parses a list; lets other work run between its entries, but not while it is taken apart into them. */
export async function parseUserList(path: string, text: string, last?: KnownList): Promise<ParsedList> {
  if (path.endsWith('.htpasswd')) return { accepted: true, entries: await parseHtpasswd(text, last) }
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

/** What a password file holds: a hash, or the password itself; one line end after it does not count. */
export function passwordFileCredential(
  content: Uint8Array,
): Credential | { readonly kind: 'refused'; readonly message: string } {
  const text = decodeText(content)?.replace(/\r?\n$/, '')
  // No client can say the end of a line within PASS.
  if (text === undefined || text === '' || text.includes('\n') || Buffer.byteLength(text) > maxPasswordBytes) {
    return {
      kind: 'refused',
      message: `must name a file with a password of 1 to ${maxPasswordBytes} bytes in one line, or its hash`,
    }
  }
  if (isPasswordHash(text)) return { kind: 'password-hash', hash: text }
  // Taken for a password, the hash itself would open the door to whoever has read it somewhere.
  if (/^\$(1|2[abxy]?|5|6|7|y|gy|apr1|md5|sha1|argon2\w*|scrypt|pbkdf2[\w-]*)\$/.test(text)) {
    return { kind: 'refused', message: `must name a file whose hash is ${wordsFor('password-hash', text)}` }
  }
  return { kind: 'password', password: text }
}

/** Lines `name:hash`, as htpasswd writes them; empty ones and those that begin with `#` do not count. */
async function parseHtpasswd(text: string, last: KnownList | undefined): Promise<readonly ListEntry[]> {
  const entries: ListEntry[] = []
  const known = new Map<string, ListEntry>()
  await inSlices(last?.entries ?? [], entry => known.set(entry.name ?? '', entry))
  let number = 0
  await inSlices(linesOf(text), line => {
    number += 1
    const trimmed = line.trim()
    const path = `line ${number}`
    const before = known.get(trimmed.slice(0, Math.max(0, trimmed.indexOf(':'))))
    if (before?.path === path && hasLine(before, trimmed)) entries.push(before)
    else entries.push(...parseLine(trimmed, path))
  })
  return entries
}

function hasLine({ name, outcome }: ListEntry, line: string): boolean {
  if (outcome.kind !== 'user' || outcome.user.credential.kind !== 'password-hash') return false
  return line === `${name}:${outcome.user.credential.hash}`
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
    const message = `must be \`name:hash\`, where the hash is ${wordsFor('password-hash', hash)}`
    return [{ path, name, outcome: { kind: 'refused', violations: [{ path, message }] } }]
  }
  return [{ path, name, outcome: entryOutcome({ name, passwordHash: hash }, new Map()) }]
}
