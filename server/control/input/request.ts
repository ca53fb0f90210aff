/** A line as a request: verb and argument. */
import { decodeName } from '../../storage/name.ts'

export type Request = {
  /** Upper case; the empty string for an empty line. */
  readonly verb: string
  /** All that follows the one space after the verb; further spaces belong to it (RFC 3659 section 2.2). */
  readonly argument: string
}

/** Verbs are ASCII and their case does not matter; arguments are bytes, which decodeName keeps. */
export function parseRequest(line: Uint8Array): Request {
  // A space is never part of a longer character, nor of what decodeName escapes: its place is the same before and after.
  const text = decodeName(line)
  const space = text.indexOf(' ')
  return {
    verb: upperCase(space === -1 ? text : text.slice(0, space)),
    argument: space === -1 ? '' : text.slice(space + 1),
  }
}

function upperCase(verb: string): string {
  return /[a-z]/.test(verb) ? verb.replace(/[a-z]+/g, letters => letters.toUpperCase()) : verb
}
