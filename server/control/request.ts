/** A line as a request: verb and argument. */
import { decodeName } from '../storage/name.ts'

export type Request = {
  /** Upper case; the empty string for an empty line. */
  readonly verb: string
  /** All that follows the one space after the verb; further spaces belong to it (RFC 3659 section 2.2). */
  readonly argument: string
}

/** Verbs are ASCII and their case does not matter; arguments are bytes, which decodeName keeps. */
export function parseRequest(line: Uint8Array): Request {
  const space = line.indexOf(0x20)
  const verb = space === -1 ? line : line.subarray(0, space)
  return {
    verb: decodeName(verb).replace(/[a-z]+/g, letters => letters.toUpperCase()),
    argument: space === -1 ? '' : decodeName(line.subarray(space + 1)),
  }
}
