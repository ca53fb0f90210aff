/** Matching of names with `*`, `?` and `[...]`: our own, in time proportional to pattern times name at most, never exponential. */
import { StorageError } from './storage.ts'

const maxPatternLength = 256

/** Whether a path or name has characters of patterns. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(text)
}

/**
 * A matcher for one component of a path. As in a shell, names that begin with a dot only match patterns that do,
 * unless `hidden` is `matched`. Throws a StorageError `name-not-allowed` for patterns over 256 characters.
 */
export function compilePattern(
  pattern: string,
  hidden: 'matched' | 'left-out' = 'left-out',
): (name: string) => boolean {
  if (pattern.length > maxPatternLength) throw new StorageError('name-not-allowed')
  const parts = parse(Array.from(pattern))
  const leaveHidden = hidden === 'left-out' && !pattern.startsWith('.')
  return name => !(leaveHidden && name.startsWith('.')) && matches(parts, name)
}

type Range = readonly [first: number, last: number]
type Part =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'one'; readonly code: number }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly Range[] }

function parse(pattern: readonly string[]): Part[] {
  const parts: Part[] = []
  let position = 0
  while (position < pattern.length) {
    const character = pattern[position] ?? ''
    position += 1
    if (character === '*') {
      if (parts.at(-1)?.kind !== 'star') parts.push({ kind: 'star' })
    } else if (character === '?') {
      parts.push({ kind: 'any' })
    } else if (character === '\\' && position < pattern.length) {
      parts.push({ kind: 'one', code: codeOf(pattern[position]) })
      position += 1
    } else {
      const end = character === '[' ? endOfClass(pattern, position) : -1
      if (end < 0) {
        parts.push({ kind: 'one', code: codeOf(character) })
      } else {
        parts.push(parseClass(pattern.slice(position, end)))
        position = end + 1
      }
    }
  }
  return parts
}

/** Index of the `]` that ends a class; -1 if none does, and `[` is a character like any other. */
function endOfClass(pattern: readonly string[], start: number): number {
  const first = pattern[start] === '!' || pattern[start] === '^' ? start + 1 : start
  // A `]` that comes first is a member.
  return pattern.indexOf(']', first + 1)
}

function parseClass(members: readonly string[]): Part {
  const negated = members[0] === '!' || members[0] === '^'
  const ranges: Range[] = []
  let position = negated ? 1 : 0
  while (position < members.length) {
    const isRange = members[position + 1] === '-' && position + 2 < members.length
    const last = isRange ? position + 2 : position
    ranges.push([codeOf(members[position]), codeOf(members[last])])
    position = last + 1
  }
  return { kind: 'class', negated, ranges }
}

function codeOf(character = ''): number {
  return character.codePointAt(0) ?? 0
}

/** Goes back only to the last star: what an earlier one took needs no second try. */
function matches(parts: readonly Part[], name: string): boolean {
  let part = 0
  let position = 0
  let lastStar = -1
  let retry = 0
  while (position < name.length) {
    const code = name.codePointAt(position) ?? 0
    const current = parts[part]
    if (current?.kind === 'star') {
      lastStar = part
      retry = position
      part += 1
    } else if (current !== undefined && matchesOne(current, code)) {
      part += 1
      position += widthOf(code)
    } else if (lastStar >= 0) {
      retry += widthOf(name.codePointAt(retry) ?? 0)
      position = retry
      part = lastStar + 1
    } else {
      return false
    }
  }
  return part === parts.length || (part === parts.length - 1 && parts[part]?.kind === 'star')
}

function widthOf(code: number): number {
  return code > 0xffff ? 2 : 1
}

function matchesOne(part: Part, code: number): boolean {
  if (part.kind === 'one') return part.code === code
  if (part.kind === 'class') return part.ranges.some(([first, last]) => code >= first && code <= last) !== part.negated
  return part.kind === 'any'
}
