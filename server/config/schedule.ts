/** Time windows of a user, as the clocks of a place show them. */

import { type ScheduleEntry, weekdays } from './schema/schedule.ts'
import { zoneOffset } from './zone-offset.ts'

export type Schedule = {
  /** As written. */
  readonly entry: ScheduleEntry
  /** Whether one of the windows is open, at a time in milliseconds since the epoch. */
  readonly isOpen: (time: number) => boolean
}

export function scheduleOf(entry: ScheduleEntry): Schedule {
  const windows = entry.windows.map(({ days, from, to }) => ({
    days: new Set(days.map(day => weekdays.indexOf(day))),
    from: minutesOf(from),
    to: minutesOf(to),
  }))
  // To know a time zone takes tens of kilobytes: only who logs in needs it.
  let offset: ((time: number) => number) | undefined
  return {
    entry,
    isOpen(time) {
      offset ??= zoneOffset(entry.timeZone)
      const minutes = Math.floor((time + offset(time)) / 60_000)
      const minute = modulo(minutes, minutesOfDay)
      // The epoch was a Thursday.
      const day = modulo(Math.floor(minutes / minutesOfDay) + 3, 7)
      return windows.some(({ days, from, to }) => {
        if (from < to) return days.has(day) && minute >= from && minute < to
        return (days.has(day) && minute >= from) || (days.has(modulo(day - 1, 7)) && minute < to)
      })
    },
  }
}

const minutesOfDay = 1440

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number)
  return (hours ?? 0) * 60 + (minutes ?? 0)
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
