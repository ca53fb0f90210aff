/** Lines of LIST: the long format of Unix `ls -l`, which is what clients take apart after `215 UNIX Type: L8`. */

import { zoneOffset } from '../config/zone-offset.ts'
import { keepKind } from '../kinds.ts'
import type { Entry } from '../storage/storage.ts'
import { type Lines, SharedText } from './lines.ts'
import { calendarTime, twoDigits } from './time.ts'

/** Lines in the zone of times that it was made for; keep it for a whole listing, it remembers what it worked out. */
export class LongFormat {
  readonly #offset: (time: number) => number
  readonly #now: number
  /** Mode, links, owner and group: most entries have them from the one before. */
  readonly #before = new SharedText()
  /** The time, with a space on both sides. What was said last holds for the same minute. */
  readonly #after = new SharedText()
  #last: Entry | undefined
  #minute = Number.NaN
  #recent = false

  /** An IANA time zone, and milliseconds since the epoch. */
  constructor(timeZone: string, now: number) {
    this.#offset = zoneOffset(timeZone)
    this.#now = now
  }

  /** Adds one line without its end. */
  add(lines: Lines, entry: Entry): void {
    const { size, modified, name, linkTarget } = entry
    if (this.#last === undefined || !sameColumns(this.#last, entry)) {
      this.#last = entry
      this.#before.set(`${modeOf(entry)} ${String(entry.links).padStart(3)} ${entry.owner} ${entry.group} `)
    }
    lines.addShared(this.#before)
    lines.addNumber(size, 12)
    const minute = Math.floor(modified / minuteMilliseconds)
    const recent = modified > this.#now - recentMilliseconds && modified <= this.#now + aheadMilliseconds
    if (minute !== this.#minute || recent !== this.#recent) {
      this.#minute = minute
      this.#recent = recent
      this.#after.set(` ${formatTime(modified + this.#offset(modified), recent)} `)
    }
    lines.addShared(this.#after)
    lines.add(name)
    if (linkTarget === undefined) return
    lines.add(' -> ')
    lines.add(linkTarget)
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

keepKind(() => new LongFormat('UTC', 0))
