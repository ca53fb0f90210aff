/** Texts for people in replies: whatever is in them, no line of theirs can be taken for the end of the reply, or for a control character. */
import { type Reply, reply } from './reply.ts'

const maxLines = 40

/** The text, and the last line behind it. Inner lines begin with the code, as those of a greeting. */
export function replyWithText(code: number, text: string, last: string): Reply {
  const [first = '', ...others] = text.trimEnd().split(/\r?\n/).slice(0, maxLines).map(printable)
  return reply(code, first === '' ? ' ' : first, ...others.map(line => `${code}-${line}`), last)
}

/** Text of a file; what is not UTF-8 is shown as such. Undefined if there is none. */
export function textOfFile(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes).trimEnd()
  return text === '' ? undefined : text
}

function printable(line: string): string {
  // Terminals take escapes for orders.
  return line.replace(/\p{Cc}/gu, ' ')
}
