/** Facts of files, as MLSD and MLST list them: RFC 3659 section 7. */
import type { Permission } from '../config/schema/permissions.ts'
import { keepKind } from '../kinds.ts'
import type { Entry } from '../storage/storage.ts'
import { type Lines, SharedText } from './lines.ts'
import { calendarTime, twoDigits } from './time.ts'

export const factNames = ['type', 'size', 'modify', 'perm', 'unique', 'UNIX.mode', 'UNIX.owner', 'UNIX.group'] as const
export type FactName = (typeof factNames)[number]

/** Lines with some of the facts; keep it for a whole listing, it remembers what it worked out. */
export class FactsFormat {
  readonly #facts: ReadonlySet<FactName>
  // What a line has in common with others, around the size, the identity and the name.
  readonly #beforeSize = new SharedText()
  readonly #beforeUnique = new SharedText()
  readonly #beforeName = new SharedText()
  readonly #hasUnique: boolean
  #hasSize = false
  #last: Entry | undefined
  #permissions: ReadonlySet<Permission> | undefined
  #second = Number.NaN

  constructor(facts: readonly FactName[]) {
    this.#facts = new Set(facts)
    this.#hasUnique = this.#facts.has('unique')
  }

  /** Adds one line without its end: the facts, a space, the name. The permissions are those the user has on the entry. */
  add(lines: Lines, entry: Entry, permissions: ReadonlySet<Permission>, name = entry.name): void {
    const second = Math.floor(entry.modified / 1000)
    if (
      this.#last === undefined ||
      second !== this.#second ||
      permissions !== this.#permissions ||
      !isAlike(this.#last, entry)
    ) {
      this.#last = entry
      this.#second = second
      this.#permissions = permissions
      this.#remember(entry, permissions)
    }
    lines.addShared(this.#beforeSize)
    if (this.#hasSize) lines.addNumber(entry.size)
    lines.addShared(this.#beforeUnique)
    if (this.#hasUnique) lines.add(entry.unique)
    lines.addShared(this.#beforeName)
    lines.add(name)
  }

  #remember(entry: Entry, permissions: ReadonlySet<Permission>): void {
    const fact = (name: FactName, value: string): string => (this.#facts.has(name) ? `${name}=${value};` : '')
    // RFC 3659 section 7.5.7: size is of files.
    this.#hasSize = entry.type === 'file' && this.#facts.has('size')
    this.#beforeSize.set(`${fact('type', typeNames[entry.type])}${this.#hasSize ? 'size=' : ''}`)
    const modify = fact('modify', formatTime(this.#second * 1000))
    const perm = fact('perm', permissionLetters(entry, permissions))
    this.#beforeUnique.set(`${this.#hasSize ? ';' : ''}${modify}${perm}${this.#hasUnique ? 'unique=' : ''}`)
    const mode = fact('UNIX.mode', (entry.mode & 0o7777).toString(8).padStart(4, '0'))
    const owner = fact('UNIX.owner', String(entry.owner))
    const group = fact('UNIX.group', String(entry.group))
    this.#beforeName.set(`${this.#hasUnique ? ';' : ''}${mode}${owner}${group} `)
  }
}

/** Whether all is the same but what differs between any two files. */
function isAlike(one: Entry, other: Entry): boolean {
  return (
    one.type === other.type &&
    one.mode === other.mode &&
    one.owner === other.owner &&
    one.group === other.group &&
    one.fixed === other.fixed
  )
}

/** The facts chosen by OPTS MLST, in our order; those we don't know are left out. `undefined` for bad syntax: RFC 3659 section 7.9. */
export function parseOptsMlst(options: string): FactName[] | undefined {
  if (!/^(?:[^; ]+;)*$/.test(options)) return undefined
  const chosen = new Set(options.toLowerCase().split(';'))
  return factNames.filter(fact => chosen.has(fact.toLowerCase()))
}

/** `YYYYMMDDHHMMSS` in UTC: RFC 3659 section 2.3. Takes milliseconds since the epoch. */
export function formatTime(milliseconds: number): string {
  const { year, month, day, hour, minute, second } = calendarTime(milliseconds)
  const date = `${String(year).padStart(4, '0')}${twoDigits(month)}${twoDigits(day)}`
  return `${date}${twoDigits(hour)}${twoDigits(minute)}${twoDigits(second)}`
}

/** Milliseconds since the epoch of `YYYYMMDDHHMMSS[.sss]` in UTC; `undefined` if there is no such date or time. */
export function parseTime(text: string): number | undefined {
  const [, digits, fraction = ''] = /^(\d{14})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6')
  const time = Date.parse(`${iso}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
  // Some engines take 30 February for 1 March.
  return Number.isNaN(time) || formatTime(time) !== digits ? undefined : time
}

// RFC 3659 section 7.5.1: what is neither file nor directory is named after the operating system.
const typeNames = { file: 'file', directory: 'dir', other: 'OS.unix=other' } as const

function permissionLetters({ type, fixed }: Entry, permissions: ReadonlySet<Permission>): string {
  const letters = formatPermissions(type, permissions)
  return fixed === true ? letters.replace(/[df]/g, '') : letters
}

/** RFC 3659 section 7.5.5: one letter for what the user may do. */
function formatPermissions(type: Entry['type'], has: ReadonlySet<Permission>): string {
  const rename = has.has('rename') ? 'f' : ''
  if (type === 'directory') {
    const create = has.has('upload') ? 'c' : ''
    const remove = has.has('rmdir') ? 'd' : ''
    const enter = has.size > 0 ? 'e' : ''
    const list = has.has('list') ? 'l' : ''
    const make = has.has('mkdir') ? 'm' : ''
    const purge = has.has('delete') ? 'p' : ''
    return create + remove + enter + rename + list + make + purge
  }
  const remove = has.has('delete') ? 'd' : ''
  if (type === 'other') return remove + rename
  const append = has.has('append') ? 'a' : ''
  const read = has.has('download') ? 'r' : ''
  const write = has.has('upload') && has.has('overwrite') ? 'w' : ''
  return append + remove + rename + read + write
}

keepKind(() => new FactsFormat([]))
