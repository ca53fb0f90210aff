/** How other protocols sound: who speaks HTTP or SMTP here was sent by somebody else (ALPACA), and gets no second line. */

import { reply } from '../reply.ts'
import type { Ending } from '../session/ending.ts'

/** HTTP (RFC 9110 section 9.3, RFC 5789) and SMTP (RFC 5321 section 4.1.1). None is a verb of FTP; those that are (QUIT, HELP, NOOP) are not here. */
const foreignVerbs: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'EHLO',
  'HELO',
  'LHLO',
  'MAIL',
  'RCPT',
  'DATA',
  'STARTTLS',
])

/** Whether a verb, in upper case, is that of another protocol. Headers and control bytes count as such until somebody has logged in: a client that has is one of FTP. */
export function isOtherProtocol(verb: string, loggedIn: boolean): boolean {
  if (foreignVerbs.has(verb)) return true
  return !loggedIn && (verb.includes(':') || controlByte.test(verb))
}

/** The one line such a client gets; nothing of what it sent is in it. */
const answer = reply(500, 'This is an FTP server: closing.')
const reason = 'other protocol'

export const otherProtocol: Ending = { answer, reason, offence: 'other-protocol' }
/** TLS from the first byte. No abuse: the client may be one of FTP, set to implicit TLS by mistake. */
export const tlsAtOnce: Ending = { answer, reason }

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const controlByte = /[\x00-\x1f\x7f]/
