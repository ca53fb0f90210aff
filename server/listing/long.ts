/** Lines of LIST: the long format of Unix `ls -l`, which is what clients take apart after `215 UNIX Type: L8`. */
import type { Entry } from '../storage/storage.ts'
import { printableName } from './printable-name.ts'
import { calendarTime, twoDigits } from './time.ts'
import { zoneOffset } from './zone-offset.ts'

/** One line without its end. `now` is in milliseconds since the epoch. */
export type LongFormat = (entry: Entry, now: number) => string

/** The format with times of an IANA time zone; keep it for a whole listing, it remembers what it worked out. */
export function longFormat(timeZone: string): LongFormat {
  const offset = zoneOffset(timeZone)
  return (entry, now) => {
    const links = String(entry.links).padStart(3)
    const size = String(entry.size).padStart(12)
    const time = formatTime(entry.modified, offset(entry.modified), now)
    const target = entry.linkTarget === undefined ? '' : ` -> ${printableName(entry.linkTarget)}`
    return `${modeOf(entry)} ${links} ${entry.owner} ${entry.group} ${size} ${time} ${printableName(entry.name)}${target}`
  }
}

// As GNU ls has it: half of 365.2425 days.
const recentMilliseconds = 15_778_476_000
// Clocks of clients and file servers differ a little.
const aheadMilliseconds = 60_000
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

function formatTime(modified: number, offset: number, now: number): string {
  const { year, month, day, hour, minute } = calendarTime(modified + offset)
  const recent = modified > now - recentMilliseconds && modified <= now + aheadMilliseconds
  const timeOrYear = recent ? `${twoDigits(hour)}:${twoDigits(minute)}` : String(year).padStart(5)
  return `${months[month - 1]} ${day < 10 ? ' ' : ''}${day} ${timeOrYear}`
}

const typeLetters = { file: '-', directory: 'd', other: 'p' } as const
const triads = ['---', '--x', '-w-', '-wx', 'r--', 'r-x', 'rw-', 'rwx'] as const

function modeOf({ type, mode, linkTarget }: Entry): string {
  if (linkTarget !== undefined) return 'lrwxrwxrwx'
  const user = special(triads[(mode >> 6) & 7], mode & 0o4000, 's')
  const group = special(triads[(mode >> 3) & 7], mode & 0o2000, 's')
  const others = special(triads[mode & 7], mode & 0o1000, 't')
  return typeLetters[type] + user + group + others
}

function special(triad = '---', bit: number, letter: 's' | 't'): string {
  if (bit === 0) return triad
  return triad.slice(0, 2) + (triad.endsWith('x') ? letter : letter.toUpperCase())
}
