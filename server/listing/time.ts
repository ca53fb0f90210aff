/** Calendar arithmetic in UTC, without a Date for each file of a listing. */

const dayMilliseconds = 86_400_000

export type CalendarTime = {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** Calendar of a time in milliseconds since the epoch, in UTC; the proleptic Gregorian calendar. */
export function calendarTime(milliseconds: number): CalendarTime {
  const days = Math.floor(milliseconds / dayMilliseconds)
  const seconds = Math.floor((milliseconds - days * dayMilliseconds) / 1000)
  // Years are counted from March, so that the leap day is the last day of a year; an era is 400 years.
  const sinceEra0 = days + 719_468
  const era = Math.floor(sinceEra0 / 146_097)
  const dayOfEra = sinceEra0 - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
  }
}

/** Two digits, with a leading zero. */
export function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
