/** Lines of LIST: the long format of Unix `ls -l`, which is what clients take apart after `215 UNIX Type: L8`. */

import { zoneOffset } from '../config/zone-offset.ts'
import type { Entry } from '../storage/storage.ts'
import { type Lines, SharedText } from './lines.ts'
import { calendarTime, twoDigits } from './time.ts'

/** Adds one line without its end. `now` is in milliseconds since the epoch. */
export type LongFormat = (lines: Lines, entry: Entry, now: number) => void

/** The format with times of an IANA time zone; keep it for a whole listing, it remembers what it worked out. */
export function longFormat(timeZone: string): LongFormat {
  const columns = columnsBeforeSize()
  const time = timeColumn(zoneOffset(timeZone))
  const [before, after] = [new SharedText(), new SharedText()]
  return (lines, entry, now) => {
    lines.addShared(before, columns(entry))
    lines.addNumber(entry.size, 12)
    lines.addShared(after, time(entry.modified, now))
    lines.add(entry.name)
    if (entry.linkTarget === undefined) return
    lines.add(' -> ')
    lines.add(entry.linkTarget)
  }
}

/** Mode, links, owner and group, with a space after each: most entries have them from the one before. */
function columnsBeforeSize(): (entry: Entry) => string {
  let last: Entry | undefined
  let text = ''
  return entry => {
    if (last !== undefined && sameColumns(last, entry)) return text
    last = entry
    text = `${modeOf(entry)} ${String(entry.links).padStart(3)} ${entry.owner} ${entry.group} `
    return text
  }
}

function sameColumns(one: Entry, other: Entry): boolean {
  return (
    one.mode === other.mode &&
    one.type === other.type &&
    one.links === other.links &&
    one.owner === other.owner &&
    one.group === other.group &&
    (one.linkTarget === undefined) === (other.linkTarget === undefined)
  )
}

// As GNU ls has it: half of 365.2425 days.
const recentMilliseconds = 15_778_476_000
// Clocks of clients and file servers differ a little.
const aheadMilliseconds = 60_000
const minuteMilliseconds = 60_000
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Takes milliseconds since the epoch. There is a space on both sides. What it said last holds for the same minute. */
function timeColumn(offset: (time: number) => number): (modified: number, now: number) => string {
  let lastMinute = Number.NaN
  let lastRecent = false
  let text = ''
  return (modified, now) => {
    const minute = Math.floor(modified / minuteMilliseconds)
    const recent = modified > now - recentMilliseconds && modified <= now + aheadMilliseconds
    if (minute === lastMinute && recent === lastRecent) return text
    lastMinute = minute
    lastRecent = recent
    text = ` ${formatTime(modified + offset(modified), recent)} `
    return text
  }
}

function formatTime(local: number, recent: boolean): string {
  const { year, month, day, hour, minute } = calendarTime(local)
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
