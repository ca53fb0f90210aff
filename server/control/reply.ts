/** Replies of RFC 959 section 4.2, and the one place where failures of the storage meet reply codes. */
import type { DataChannelErrorKind } from '../data/error.ts'
import type { TransferOutcome, TransferResult } from '../data/moving/transfer.ts'
import type { StorageErrorKind } from '../storage/storage.ts'

/** One reply: a code and one or more lines of text. */
export type Reply = {
  readonly code: number
  /** First (or only) line, lines in between, last line. */
  readonly lines: readonly [string, ...string[]]
}

export function reply(code: number, ...lines: readonly [string, ...string[]]): Reply {
  return { code, lines }
}

export const notLoggedIn = reply(530, 'Please log in with USER and PASS.')

/** What every client is greeted with. Inner lines begin with the code as well: some clients expect it of a greeting. */
export function greeting(banner: string): Reply {
  // Java's clients take a reply without text for a broken one.
  const text = banner.trimEnd() || 'Ready.'
  if (!text.includes('\n')) return reply(220, text)
  const [first = '', ...others] = text.split('\n')
  const last = others.pop()
  return last === undefined ? reply(220, first) : reply(220, first, ...others.map(line => `220-${line}`), last)
}

/** What the client reads. Inner lines that begin with a digit get a space before it, so that none can be taken for the last one (RFC 959 section 4.2). */
export function formatReply({ code, lines }: Reply): string {
  if (lines.length === 1) return `${code} ${withoutBreaks(lines[0])}\r\n`
  const safe = lines.map(withoutBreaks)
  const last = safe.at(-1) ?? ''
  const inner = safe.slice(1, -1).map(line => (/^\d/.test(line) && !line.startsWith(`${code}-`) ? ` ${line}` : line))
  return [`${code}-${safe[0]}`, ...inner, `${code} ${last}`, ''].join('\r\n')
}

/** Puts there what `formatReply` gives, and returns how many bytes that is: one line of ASCII, as most replies are. Undefined for others, and where there is no room. */
export function writeReply({ code, lines }: Reply, into: Uint8Array): number | undefined {
  const [text] = lines
  const end = text.length + 4
  if (lines.length > 1 || end + 2 > into.length) return undefined
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit < firstPrintable || unit > lastPrintable) return undefined
    into[index + 4] = unit
  }
  into[0] = zero + Math.floor(code / 100)
  into[1] = zero + (Math.floor(code / 10) % 10)
  into[2] = zero + (code % 10)
  into[3] = firstPrintable
  into[end] = 13
  into[end + 1] = 10
  return end + 2
}

const zero = 0x30
const firstPrintable = 0x20
const lastPrintable = 0x7e

/** One line of a reply that has more. */
export function formatLine({ code, lines: [line] }: Reply): string {
  return `${code}-${withoutBreaks(line)}\r\n`
}

function withoutBreaks(line: string): string {
  return /[\r\n\0]/.test(line) ? line.replace(/[\r\n\0]/g, ' ') : line
}

/** A path within a 257 reply: quotes are doubled (RFC 959 appendix II). */
export function quotePath(path: string): string {
  return `"${path.replaceAll('"', '""')}"`
}

// One text for "missing" and "forbidden": a client must not learn which names exist where it may not look.
const unavailable = reply(550, 'No such file or directory, or not permitted.')

const storageReplies = {
  'not-found': unavailable,
  forbidden: unavailable,
  // FluentFTP and FileZilla look for these words, to go on where a directory is there already.
  exists: reply(550, 'A file or directory already exists there.'),
  'not-a-file': reply(550, 'Not a plain file.'),
  'not-a-directory': reply(550, 'Not a directory.'),
  'not-empty': reply(550, 'The directory is not empty.'),
  'name-not-allowed': reply(553, 'The name is not allowed.'),
  busy: reply(450, 'The file is busy; try again later.'),
  'no-space': reply(452, 'Insufficient storage space.'),
  'over-quota': reply(552, 'The storage allocation is exceeded.'),
  'read-only': reply(550, 'The storage is read-only.'),
  'too-many-open': reply(451, 'Too many open files; try again later.'),
  'not-answering': reply(451, 'The storage does not answer; try again later.'),
  'bad-offset': reply(554, 'The restart offset lies beyond the end of the file.'),
  'not-supported': reply(504, 'The storage does not support this.'),
  failed: reply(451, 'Local error in processing.'),
} as const satisfies Record<StorageErrorKind, Reply>

/** The reply to a failure of the storage. */
export function storageReply(kind: StorageErrorKind): Reply {
  return storageReplies[kind]
}

const dataChannelReplies = {
  'no-address': reply(425, 'The passive address is not known yet; try again later.'),
  'no-port': reply(425, 'No passive port is free; try again later.'),
  'wrong-family': reply(425, 'PASV is for IPv4: use EPSV.'),
  'not-set-up': reply(425, 'Use PASV, EPSV, PORT or EPRT first.'),
  timeout: reply(425, 'The data connection was not opened in time.'),
  refused: reply(425, 'The data connection cannot be opened.'),
  // RFC 4217 section 10.2
  'tls-failed': reply(522, 'The TLS handshake of the data connection failed.'),
  'not-resumed': reply(522, 'The data connection must resume the TLS session of the control connection.'),
  aborted: reply(426, 'The transfer was aborted.'),
} as const satisfies Record<DataChannelErrorKind, Reply>

/** The reply to a data connection that can't be set up. */
export function dataChannelReply(kind: DataChannelErrorKind): Reply {
  return dataChannelReplies[kind]
}

const transferReplies = {
  complete: reply(226, 'Transfer complete.'),
  aborted: reply(426, 'The transfer was aborted.'),
  'connection-lost': reply(426, 'The data connection was lost.'),
  stalled: reply(426, 'The data connection stalled.'),
  truncated: reply(426, 'The data connection ended without TLS close_notify; the file may be incomplete.'),
  'storage-failed': reply(451, 'Local error in processing.'),
  incomplete: reply(426, 'The data connection ended before the data did; the file may be incomplete.'),
  malformed: reply(451, 'The data is not what MODE and STRU demand; the file may be incomplete.'),
  inflated: reply(552, 'The data becomes longer than is allowed; the file is incomplete.'),
  'too-many-deflated': reply(451, 'Too many transfers use MODE Z; try again later.'),
} as const satisfies Record<TransferOutcome, Reply>

/** The reply that ends a transfer. */
export function transferReply({ outcome, storageError }: Pick<TransferResult, 'outcome' | 'storageError'>): Reply {
  return storageError === undefined ? transferReplies[outcome] : storageReply(storageError)
}
