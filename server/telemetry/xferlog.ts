/** Lines of transfers in the format xferlog(5) of wu-ftpd, which statistics of FTP servers read. */
import type { ServerConfiguration } from '../config/schema.ts'
import { zoneOffset } from '../config/zone-offset.ts'
import type { Session } from '../control/session/session.ts'
import { calendarTime, twoDigits } from '../listing/time.ts'
import type { LogDestination } from './logger.ts'
import type { TransferRecord } from './telemetry.ts'
import { shownName, shownPath } from './text.ts'

/** Writes lines of transfers where that is asked for. */
export class TransferLog {
  readonly #destination: LogDestination
  #format: ServerConfiguration['logging']['transfers'] = 'events'
  #offset: (time: number) => number = () => 0

  constructor(destination: LogDestination, configuration: ServerConfiguration) {
    this.#destination = destination
    this.configure(configuration)
  }

  configure({ logging, listing }: ServerConfiguration): void {
    this.#format = logging.transfers
    this.#offset = zoneOffset(listing.timeZone)
  }

  /** Whether it has written a line, so that no other is needed. */
  write(session: Session, record: TransferRecord, now: number): boolean {
    if (this.#format !== 'xferlog' || record.direction === 'listing') return false
    this.#destination.write(`${xferlogLine(session, record, now + this.#offset(now))}\n`)
    return true
  }
}

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const dayMilliseconds = 86_400_000

/** The time is that of the clocks on the wall, in milliseconds. */
export function xferlogLine(session: Session, record: TransferRecord, time: number): string {
  const anonymous = session.login.state === 'logged-in' && session.login.user.credential.kind === 'any-password'
  return [
    xferlogTime(time),
    // Statistics divide by it.
    Math.max(1, Math.round(record.durationSeconds)),
    session.peer.address,
    record.fileBytes ?? record.bytes,
    oneWord(shownPath(record.path)),
    session.type === 'ascii' ? 'a' : 'b',
    '_',
    record.direction === 'upload' ? 'i' : 'o',
    anonymous ? 'a' : 'r',
    oneWord(shownName(record.user)),
    'ftp',
    '0',
    '*',
    record.outcome === 'complete' ? 'c' : 'i',
  ].join(' ')
}

/** As ctime(3) writes it: `Thu Sep  9 01:46:40 1999`. */
function xferlogTime(time: number): string {
  const { year, month, day, hour, minute, second } = calendarTime(time)
  // The epoch was a Thursday.
  const weekday = weekdays[(Math.floor(time / dayMilliseconds) + 4) % 7]
  const clock = [hour, minute, second].map(twoDigits).join(':')
  return `${weekday} ${months[month - 1]} ${String(day).padStart(2)} ${clock} ${year}`
}

// Spaces are between fields, and a line must stay one: so do wu-ftpd and its heirs.
function oneWord(text: string): string {
  return text.replace(/[\s\p{Cc}\u2028\u2029]/gu, '_')
}
