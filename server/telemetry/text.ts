/** Text of clients, as logs and status may hold it: well-formed and of bounded length. */
import { displayName } from '../storage/name.ts'

// Longer than any user name or path that is accepted, so that only what a client made up is ever cut.
const maxNameLength = 256
const maxPathLength = 4096

export function shownName(name: string): string {
  return shorten(name, maxNameLength)
}

export function shownPath(path: string): string {
  return shorten(path, maxPathLength)
}

function shorten(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return displayName(cut)
}
