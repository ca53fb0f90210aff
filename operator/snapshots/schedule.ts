/// <reference lib="esnext.temporal" />
/** Times by a schedule as CronJobs have it: minute, hour, day of the month, month and day of the week, in a time zone. Pure. */

export type Schedule = {
  /** The last time up to now, in milliseconds since the epoch. Undefined if there never was one. */
  lastAt(now: number): number | undefined
  /** The first time after now. Undefined if none ever comes. */
  nextAfter(now: number): number | undefined
}

/** A text instead says what is wrong. */
export function parseSchedule(text: string, timeZone: string): Schedule | string {
  const words = (shorthands.get(text) ?? text).split(/ +/)
  if (words.length !== fields.length) return `must have ${fields.length} fields or be one of ${shorthandNames}`
  const parsed = fields.map((field, index) => parseField(words[index] ?? '', field))
  const wrong = parsed.find(values => typeof values === 'string')
  if (wrong !== undefined) return wrong
  if (!isTimeZone(timeZone)) return `has the time zone ${timeZone}, which is none`
  const [minutes, hours, days, months, weekdays] = parsed
    .filter(values => typeof values !== 'string')
    .map(values => new Set(values))
  if (!minutes || !hours || !days || !months || !weekdays) return 'must have five fields'
  // As in crontab(5): where both are restricted, one of them is enough.
  const isEither = !isAny(words[2]) && !isAny(words[4])
  return scheduleOf({
    timeZone,
    minutes: [...minutes].toSorted(ascending),
    hours: [...hours].toSorted(ascending),
    isDay({ month, day, dayOfWeek }) {
      const isOfMonth = days.has(day)
      const isOfWeek = weekdays.has(dayOfWeek % 7) || (dayOfWeek === 7 && weekdays.has(7))
      return months.has(month) && (isEither ? isOfMonth || isOfWeek : isOfMonth && isOfWeek)
    },
  })
}

type Field = { readonly name: string; readonly first: number; readonly last: number; readonly names: readonly string[] }

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const fields: readonly Field[] = [
  { name: 'minute', first: 0, last: 59, names: [] },
  { name: 'hour', first: 0, last: 23, names: [] },
  { name: 'day of the month', first: 1, last: 31, names: [] },
  { name: 'month', first: 1, last: 12, names: monthNames },
  // Sunday is 0 and 7.
  { name: 'day of the week', first: 0, last: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
]

const shorthands = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
])
const shorthandNames = [...shorthands.keys()].join(', ')

/** `*`, `5`, `1-5`, `mon-fri`, and with `/2` behind; several with commas. */
function parseField(text: string, field: Field): readonly number[] | string {
  const values: number[] = []
  for (const part of text.split(',')) {
    const [, from, to, step = '1'] = /^(\*|\?|\w{1,3})(?:-(\w{1,3}))?(?:\/(\d{1,2}))?$/.exec(part) ?? []
    const first = from === undefined ? undefined : isAny(from) ? field.first : valueOf(from, field)
    const last = to === undefined ? (isAny(from) || part.includes('/') ? field.last : first) : valueOf(to, field)
    const isRange = first !== undefined && last !== undefined && first <= last && !(isAny(from) && to !== undefined)
    if (!isRange || Number(step) < 1) {
      return `has ${JSON.stringify(part)} as ${field.name}: it must be from ${field.first} to ${field.last}, a range, or *`
    }
    for (let value = first; value <= last; value += Number(step)) values.push(value)
  }
  return values
}

function valueOf(text: string, { first, last, names }: Field): number | undefined {
  const named = names.indexOf(text.toLowerCase())
  const value = named >= 0 ? named + (first === 1 ? 1 : 0) : /^\d+$/.test(text) ? Number(text) : Number.NaN
  return value >= first && value <= last ? value : undefined
}

function isAny(text: string | undefined): boolean {
  return text === '*' || text === '?'
}

function ascending(one: number, other: number): number {
  return one - other
}

function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    return true
  } catch {
    return false
  }
}

type Times = {
  readonly timeZone: string
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly isDay: (day: Temporal.PlainDate) => boolean
}

/** Nothing longer lies between two times: 29 February, over a year that has none of its four. */
const mostDays = 8 * 366 + 7

function scheduleOf({ timeZone, minutes, hours, isDay }: Times): Schedule {
  /** A time that the clocks leave out is taken as much later, one that they have twice is taken once: the first. */
  function instant(day: Temporal.PlainDate, hour: number, minute: number): number {
    return day.toZonedDateTime({ timeZone, plainTime: { hour, minute } }).epochMilliseconds
  }

  function search(now: number, days: 1 | -1, isFound: (time: number) => boolean): number | undefined {
    const inOrder = (values: readonly number[]) => (days === 1 ? values : values.toReversed())
    const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone)
    let day = today.toPlainDate()
    for (let count = 0; count < mostDays; count += 1) {
      // Clocks are set by an hour or less.
      const isNear = (hour: number) => count > 0 || (hour - today.hour) * days >= -1
      for (const hour of isDay(day) ? inOrder(hours).filter(isNear) : []) {
        for (const minute of inOrder(minutes)) {
          const time = instant(day, hour, minute)
          if (isFound(time)) return time
        }
      }
      day = day.add({ days })
    }
    return undefined
  }

  return {
    lastAt: now => search(now, -1, time => time <= now),
    nextAfter: now => search(now, 1, time => time > now),
  }
}
