/** What is fuzzed: everything that makes sense of bytes from outside. A target throws where a promise is broken; bytes it does not like are no such thing. */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { parseDocument } from 'yaml'
import { parsePasswordHash } from '../../server/auth/password-hash.ts'
import { formats } from '../../server/config/formats.ts'
import { parseNetwork } from '../../server/config/network.ts'
import { readUserList } from '../../server/config/users/users.ts'
import { validateServer } from '../../server/config/validate.ts'
import { parsePlainYaml } from '../../server/config/yaml/plain-yaml.ts'
import { parseYaml } from '../../server/config/yaml/yaml.ts'
import { LineReader } from '../../server/control/input/line.ts'
import { parseRequest } from '../../server/control/input/request.ts'
import { canonicalAddress, parseExtendedPort, parsePort } from '../../server/data/address.ts'
import { factNames, formatTime, parseOptsMlst, parseTime } from '../../server/listing/facts.ts'
import { parseFlags } from '../../server/listing/flags.ts'
import { printableName } from '../../server/listing/printable-name.ts'
import { longestProxyHeader, parseProxyHeader } from '../../server/proxy-protocol/header.ts'
import { compilePattern } from '../../server/storage/glob.ts'
import { decodeName, displayName, encodeName } from '../../server/storage/name.ts'
import { resolvePath } from '../../server/storage/path.ts'
import { isStorageError } from '../../server/storage/storage.ts'
import { RecordScanner } from '../../server/tls/records.ts'
import { commandTargets } from './command-targets.ts'
import { deflated, encodedData } from './encodings.ts'
import { importTargets } from './import-targets.ts'
import { offsetOf } from './restart-offset.ts'
import { tlsConversations } from './tls-conversations.ts'

export type Target = (bytes: Uint8Array) => void | Promise<void>

/** By name, which is also that of its corpus. */
export const targets: Readonly<Record<string, Target>> = {
  'control-lines': controlLines,
  requests,
  addresses,
  names,
  paths,
  globs,
  'listing-flags': listingFlags,
  times,
  'restart-offsets': restartOffsets,
  'tls-records': tlsRecords,
  'proxy-headers': proxyHeaders,
  'server-yaml': serverYaml,
  'plain-yaml': plainYaml,
  'user-lists': userLists,
  htpasswd,
  formats: stringFormats,
  ...commandTargets,
  ...importTargets,
  'encoded-data': encodedData,
  deflated,
  'tls-conversations': tlsConversations(),
}

/** As `latin1`, one character a byte. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

/** Undefined for bytes that are no UTF-8, which the loader refuses before anything is parsed. */
function utf8(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : undefined
}

const lineLimitBytes = 24

/** The first byte says where the rest is cut: what lines there are must not depend on that. */
function controlLines(bytes: Uint8Array): void {
  const [at = 0] = bytes
  const rest = bytes.subarray(1)
  const whole = linesOf([rest])
  const cut = linesOf([rest.subarray(0, at), rest.subarray(at, at + 1), rest.subarray(at + 1)])
  assert.deepEqual(cut, whole)
}

function linesOf(chunks: readonly Uint8Array[]): unknown {
  const reader = new LineReader(lineLimitBytes)
  const lines: string[] = []
  const answers: number[] = []
  for (const chunk of chunks) {
    reader.push(Buffer.from(chunk))
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      lines.push(line.kind === 'line' ? text(line.bytes) : `(${line.kind})`)
      assert(line.kind !== 'line' || (line.bytes.length <= lineLimitBytes && !line.bytes.includes(10)))
    }
    answers.push(...(reader.takeTelnetAnswers() ?? []))
    assert(reader.pending <= lineLimitBytes + 1 || reader.pending === 1)
  }
  assert(answers.length % 3 === 0)
  return { lines, answers }
}

function requests(bytes: Uint8Array): void {
  const { verb, argument } = parseRequest(bytes)
  assert(!/[a-z ]/.test(verb))
  const space = bytes.indexOf(0x20)
  if (space !== -1) assert.deepEqual(encodeName(argument), Buffer.from(bytes.subarray(space + 1)))
  assert.equal(text(encodeName(verb)), upper(text(space === -1 ? bytes : bytes.subarray(0, space))))
}

function upper(ascii: string): string {
  return ascii.replace(/[a-z]/g, letter => String.fromCharCode(letter.charCodeAt(0) - 32))
}

function addresses(bytes: Uint8Array): void {
  const argument = text(bytes)
  const port = parsePort(argument)
  if (port !== undefined) {
    assert(isIPv4(port.address) && port.port > 0 && port.port < 65_536)
    const numbers = argument.trim().split(',').map(Number)
    assert.equal(`${port.address.replaceAll('.', ',')},${port.port >> 8},${port.port & 255}`, numbers.join(','))
  }
  const extended = parseExtendedPort(argument)
  if (extended !== undefined && extended !== 'wrong-family') {
    assert(extended.port > 0 && extended.port < 65_536)
    const [, family, address, digits] = argument.trim().split(argument.trim()[0] ?? '')
    assert.equal(Number(digits), extended.port)
    assert.equal(address, extended.address)
    assert(family !== undefined && (Number(family) === 1 ? isIPv4 : isIPv6)(extended.address))
    const canonical = canonicalAddress(extended.address)
    assert(isIP(canonical) !== 0)
    assert.equal(canonicalAddress(canonical), canonical)
  }
  const network = parseNetwork(argument)
  if (network !== undefined) assert(network.contains(argument.split('/')[0] ?? ''))
}

function names(bytes: Uint8Array): void {
  const name = decodeName(bytes)
  assert.deepEqual(encodeName(name), Buffer.from(bytes))
  assert(displayName(name).isWellFormed())
  // A name must never end a line of a reply or of a listing.
  assert(!/[\r\n\0]/.test(printableName(name)))
}

/** A working directory, NUL, an argument. */
function paths(bytes: Uint8Array): void {
  const end = bytes.indexOf(0)
  const cwd = end === -1 ? '/' : resolved('/', decodeName(bytes.subarray(0, end)))
  const argument = decodeName(bytes.subarray(end + 1))
  if (cwd === undefined) return
  const path = resolved(cwd, argument)
  if (path === undefined) return
  assert(path.startsWith('/') && !path.includes('\0') && !path.includes('//') && (path === '/' || !path.endsWith('/')))
  assert(!path.split('/').some(name => name === '.' || name === '..'))
  assert.equal(resolved('/anywhere', path), path)
}

function resolved(cwd: string, argument: string): string | undefined {
  try {
    return resolvePath(cwd, argument)
  } catch (error) {
    assert(isStorageError(error, 'name-not-allowed'))
    return undefined
  }
}

/** A pattern of stars, question marks and letters, NUL, a name: held against the obvious and slow way. */
function globs(bytes: Uint8Array): void {
  const end = bytes.indexOf(0)
  const pattern = decodeName(bytes.subarray(0, Math.max(0, end)))
  const name = decodeName(bytes.subarray(end + 1))
  let matches: (name: string) => boolean
  try {
    matches = compilePattern(pattern, 'matched')
  } catch (error) {
    assert(isStorageError(error, 'name-not-allowed') && pattern.length > 256)
    return
  }
  const matched = matches(name)
  if (pattern.length < 12 && name.length < 12 && !/[[\\]/.test(pattern))
    assert.equal(matched, slowly(Array.from(pattern), Array.from(name)))
}

function slowly([first, ...others]: readonly string[], name: readonly string[]): boolean {
  if (first === undefined) return name.length === 0
  if (first === '*') return slowly(others, name) || (name.length > 0 && slowly([first, ...others], name.slice(1)))
  return name.length > 0 && (first === '?' || first === name[0]) && slowly(others, name.slice(1))
}

function listingFlags(bytes: Uint8Array): void {
  const argument = text(bytes)
  const { path, flags } = parseFlags(argument)
  assert(argument.endsWith(path))
  assert.equal(flags.size === 0 && !argument.startsWith('-'), !argument.startsWith('-'))
  if (!argument.startsWith('-')) assert.equal(path, argument)
  for (const flag of flags) assert(argument.slice(0, argument.length - path.length).includes(flag))
}

function times(bytes: Uint8Array): void {
  const written = text(bytes)
  const time = parseTime(written)
  if (time !== undefined) {
    assert(/^\d{14}(\.\d+)?$/.test(written))
    assert.equal(formatTime(time), written.slice(0, 14))
  }
  const facts = parseOptsMlst(written)
  if (facts !== undefined) assert(facts.every(fact => factNames.includes(fact)))
}

/** Digits only, and never more than a file can be long: `-1`, `9e9`, `0x10` and 2^64 are no offsets. */
function restartOffsets(bytes: Uint8Array): void {
  const argument = text(bytes)
  const offset = offsetOf(argument)
  if (offset === undefined) return
  assert(Number.isSafeInteger(offset) && offset >= 0)
  assert.equal(BigInt(argument.trim()), BigInt(offset))
}

/** The first byte says where the rest is cut. */
function tlsRecords(bytes: Uint8Array): void {
  const [at = 0] = bytes
  const rest = bytes.subarray(1)
  const [whole, cut] = [new RecordScanner(), new RecordScanner()]
  const taken = whole.scan(rest)
  const first = cut.scan(rest.subarray(0, at))
  const both = first < Math.min(at, rest.length) ? first : first + cut.scan(rest.subarray(at))
  assert.equal(both, taken)
  assert(taken <= rest.length)
  assert.deepEqual([cut.atBoundary, cut.applicationDataSeen], [whole.atBoundary, whole.applicationDataSeen])
  assert.deepEqual({ taken, atBoundary: whole.atBoundary }, recordsIn(rest))
}

/** The plain way, with all bytes at hand. */
function recordsIn(bytes: Uint8Array): { readonly taken: number; readonly atBoundary: boolean } {
  let at = 0
  while (at < bytes.length) {
    const [type = 0, , , high = 0, low = 0] = bytes.subarray(at)
    if (type < 0x14 || type > 0x17) break
    const end = at + 5 + high * 256 + low
    if (end > bytes.length || at + 5 > bytes.length) return { taken: bytes.length, atBoundary: false }
    at = end
  }
  return { taken: at, atBoundary: true }
}

/** Bytes are taken for a header at one place only: not before it is whole, and whatever comes behind. */
function proxyHeaders(bytes: Uint8Array): void {
  const header = parseProxyHeader(bytes)
  if (header.kind === 'incomplete') return assert(bytes.length < longestProxyHeader.v2)
  if (header.kind === 'invalid') return assert(header.reason.length > 0)
  if (header.kind === 'absent') return
  const { length, ends } = header
  const longest = text(bytes).startsWith('PROXY') ? longestProxyHeader.v1 : longestProxyHeader.v2
  assert(length > 0 && length <= bytes.length && length <= longest)
  for (const cut of [0, 1, length >> 1, length - 1])
    assert.equal(parseProxyHeader(bytes.subarray(0, cut)).kind, 'incomplete')
  assert.deepEqual(parseProxyHeader(bytes.subarray(0, length)), header)
  for (const { address, port } of ends === undefined ? [] : [ends.source, ends.destination])
    assert(isIP(address) !== 0 && !address.includes('%') && port >= 0 && port < 65_536)
}

function serverYaml(bytes: Uint8Array): void {
  const source = utf8(bytes)
  if (source === undefined) return
  const yaml = parseYaml(source)
  const result = yaml.parsed ? validateServer(yaml.value) : yaml
  const violations = 'violations' in result ? result.violations : []
  if ('valid' in result && result.valid) assert(result.value.limits.maxSessions >= 1)
  else expectWords(violations)
}

/** What the quick parser reads, it reads as the other one does: two meanings of one file would be one too many. */
function plainYaml(bytes: Uint8Array): void {
  const source = utf8(bytes)
  const plain = source === undefined ? undefined : parsePlainYaml(source)
  if (source === undefined || plain === undefined) return
  const document = parseDocument(source, { prettyErrors: false, logLevel: 'silent' })
  assert.deepEqual(
    [...document.errors, ...document.warnings].map(({ code }) => code),
    [],
  )
  assert.deepEqual(plain.value, document.toJS())
}

async function userLists(bytes: Uint8Array): Promise<void> {
  const list = await readUserList('users.yaml', bytes)
  if (!list.accepted) return expectWords(list.violations)
  for (const { outcome } of list.entries) {
    if (outcome.kind === 'refused') expectWords(outcome.violations)
    else assert(/^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/.test(outcome.user.name) && outcome.user.home.startsWith('/'))
  }
}

async function htpasswd(bytes: Uint8Array): Promise<void> {
  const list = await readUserList('users.htpasswd', bytes)
  if (!list.accepted) return expectWords(list.violations)
  for (const { outcome } of list.entries) {
    if (outcome.kind === 'refused') expectWords(outcome.violations)
    else if (outcome.kind === 'user') assert(outcome.user.credential.kind === 'password-hash')
  }
}

/** Every problem is told in words, and none is so long that a log could be flooded. */
function expectWords(violations: readonly { readonly path: string; readonly message: string }[]): void {
  assert(violations.length > 0 && violations.length < 200)
  for (const { path, message } of violations) assert(message.length > 0 && message.length < 600 && path.length < 1000)
}

function stringFormats(bytes: Uint8Array): void {
  const value = text(bytes)
  for (const { takes } of Object.values(formats)) assert.equal(typeof takes(value), 'boolean')
  const hash = parsePasswordHash(value)
  if (hash !== undefined) assert(value.startsWith('$'))
}
