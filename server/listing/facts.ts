/** Facts of files, as MLSD and MLST list them: RFC 3659 section 7. */
import type { Permission } from '../config/schema/permissions.ts'
import type { Entry } from '../storage/storage.ts'
import { type Lines, SharedText } from './lines.ts'
import { calendarTime, twoDigits } from './time.ts'

export const factNames = ['type', 'size', 'modify', 'perm', 'unique', 'UNIX.mode', 'UNIX.owner', 'UNIX.group'] as const
export type FactName = (typeof factNames)[number]

/** Adds one line without its end: the facts, a space, the name. The permissions are those the user has on the entry. */
export type FactsFormat = (lines: Lines, entry: Entry, permissions: ReadonlySet<Permission>, name?: string) => void

/** Keep it for a whole listing: it remembers what it worked out. */
export function factsFormat(facts: readonly FactName[]): FactsFormat {
  const adders = facts.map(fact => adderOf[fact]())
  return (lines, entry, permissions, name = entry.name) => {
    for (const add of adders) add(lines, entry, permissions)
    lines.add(' ')
    lines.add(name)
  }
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

type Adder = (lines: Lines, entry: Entry, permissions: ReadonlySet<Permission>) => void

const adderOf: Record<FactName, () => Adder> = {
  type: () => {
    const shared = new SharedText()
    return (lines, entry) => lines.addShared(shared, typeFacts[entry.type])
  },
  size: () => addSize,
  modify: () =>
    remembering(
      entry => Math.floor(entry.modified / 1000),
      seconds => `modify=${formatTime(seconds * 1000)};`,
    ),
  perm: permissionsFact,
  unique: () => addUnique,
  'UNIX.mode': () =>
    remembering(
      entry => entry.mode & 0o7777,
      mode => `UNIX.mode=${mode.toString(8).padStart(4, '0')};`,
    ),
  'UNIX.owner': () =>
    remembering(
      entry => entry.owner,
      owner => `UNIX.owner=${owner};`,
    ),
  'UNIX.group': () =>
    remembering(
      entry => entry.group,
      group => `UNIX.group=${group};`,
    ),
}

/** What was said last holds for the same number: neighbours in a directory are alike. */
function remembering(numberOf: (entry: Entry) => number, write: (number: number) => string): Adder {
  const shared = new SharedText()
  let last = Number.NaN
  let text = ''
  return (lines, entry) => {
    const number = numberOf(entry)
    if (number !== last) {
      last = number
      text = write(number)
    }
    lines.addShared(shared, text)
  }
}

// RFC 3659 section 7.5.7: size is of files.
function addSize(lines: Lines, { type, size }: Entry): void {
  if (type !== 'file') return
  lines.add('size=')
  lines.addNumber(size)
  lines.add(';')
}

function addUnique(lines: Lines, { unique }: Entry): void {
  lines.add('unique=')
  lines.add(unique)
  lines.add(';')
}

function permissionsFact(): Adder {
  let lastType: Entry['type'] | undefined
  let lastPermissions: ReadonlySet<Permission> | undefined
  let lastFixed: true | undefined
  let text = ''
  const shared = new SharedText()
  return (lines, { type, fixed }, permissions) => {
    if (type !== lastType || permissions !== lastPermissions || fixed !== lastFixed) {
      lastType = type
      lastPermissions = permissions
      lastFixed = fixed
      const letters = formatPermissions(type, permissions)
      text = `perm=${fixed === true ? letters.replace(/[dfp]/g, '') : letters};`
    }
    lines.addShared(shared, text)
  }
}

// RFC 3659 section 7.5.1: what is neither file nor directory is named after the operating system.
const typeFacts = { file: 'type=file;', directory: 'type=dir;', other: 'type=OS.unix=other;' } as const

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
