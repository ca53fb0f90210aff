import { describe, expect, test } from 'vitest'
import { scheduleOf } from './schedule.ts'
import type { ScheduleEntry } from './schema/schedule.ts'

type Window = ScheduleEntry['windows'][number]
const all: Window['days'] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

function isOpen(windows: readonly Partial<Window>[], time: string, timeZone = 'UTC'): boolean {
  const whole = windows.map(window => ({ days: all, from: '00:00', to: '24:00', ...window }))
  return scheduleOf({ timeZone, windows: whole }).isOpen(Date.parse(time))
}

describe('A window', () => {
  // 2030-01-04 is a Friday.
  test.each([
    ['2030-01-04T07:59:59Z', false],
    ['2030-01-04T08:00:00Z', true],
    ['2030-01-04T17:59:59Z', true],
    ['2030-01-04T18:00:00Z', false],
    ['2030-01-05T12:00:00Z', false],
  ])('on Fridays from 8 to 18: %s: %s', (time, open) => {
    expect(isOpen([{ days: ['friday'], from: '08:00', to: '18:00' }], time)).toBe(open)
  })

  test.each([
    ['2030-01-04T21:59:00Z', false],
    ['2030-01-04T22:00:00Z', true],
    ['2030-01-05T05:59:00Z', true],
    ['2030-01-05T06:00:00Z', false],
    ['2030-01-05T23:00:00Z', false],
    ['2030-01-04T03:00:00Z', false],
  ])('over midnight belongs to the day on which it begins: %s: %s', (time, open) => {
    expect(isOpen([{ days: ['friday'], from: '22:00', to: '06:00' }], time)).toBe(open)
  })

  test('from a time to the same is a day long', () => {
    const window = { days: ['friday'], from: '06:00', to: '06:00' } as const
    const times = ['2030-01-04T05:59Z', '2030-01-04T06:00Z', '2030-01-05T05:59Z', '2030-01-05T06:00Z']
    expect(times.map(time => isOpen([{ ...window, days: [...window.days] }], time))).toEqual([false, true, true, false])
  })

  test('over the end of the week goes on on Monday', () => {
    expect(isOpen([{ days: ['sunday'], from: '22:00', to: '02:00' }], '2030-01-07T01:00:00Z')).toBe(true)
  })

  test('goes by the clocks of the place, in summer and in winter', () => {
    const office: readonly Partial<Window>[] = [{ from: '08:00', to: '18:00' }]
    expect(isOpen(office, '2030-01-04T07:30:00Z', 'Europe/Berlin')).toBe(true)
    expect(isOpen(office, '2030-07-05T06:30:00Z', 'Europe/Berlin')).toBe(true)
    expect(isOpen(office, '2030-01-04T06:30:00Z', 'Europe/Berlin')).toBe(false)
    expect(isOpen([{ days: ['saturday'] }], '2030-01-04T15:00:00Z', 'Pacific/Auckland')).toBe(true)
  })

  test('of several, one is enough; without days and times it is always open', () => {
    const windows: readonly Partial<Window>[] = [{ to: '01:00' }, { from: '23:00' }]
    expect(['00:30', '12:00', '23:30'].map(at => isOpen(windows, `2030-01-04T${at}:00Z`))).toEqual([true, false, true])
    expect(isOpen([{}], '1969-12-31T23:59:59Z')).toBe(true)
  })
})
