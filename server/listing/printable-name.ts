/** Names that could be taken for the end of a line: RFC 3659 section 2.2 lets a server encode or omit them. */

/** The name with CR, LF and NUL as `%0D`, `%0A` and `%00`. */
export function printableName(name: string): string {
  return lineBreaking.test(name) ? name.replace(everyLineBreaking, character => codes[character] ?? '') : name
}

const lineBreaking = /[\r\n\0]/
const everyLineBreaking = /[\r\n\0]/g
const codes: Record<string, string> = { '\r': '%0D', '\n': '%0A', '\0': '%00' }
