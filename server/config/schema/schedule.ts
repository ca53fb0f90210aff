/** Time windows: when a user may be logged in. */
import { type Static, Type } from 'typebox'
import { oneOf, record } from './parts.ts'

export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const

const timeOfDay = (description: string, options: { default: string }) =>
  Type.String({ format: 'time-of-day', maxLength: 5, description, ...options })

const window = record(
  {
    days: Type.Array(oneOf(weekdays, { description: 'A day of the week.' }), {
      minItems: 1,
      maxItems: 7,
      default: [...weekdays],
      description: 'Days on which the window begins.',
    }),
    from: timeOfDay('When it begins, as `08:00`.', { default: '00:00' }),
    to: timeOfDay('When it ends, as `18:00`; `24:00` is the end of the day. Before `from`: on the next day.', {
      default: '24:00',
    }),
  },
  { description: 'A window.' },
)

export const schedule = record(
  {
    timeZone: Type.String({
      format: 'time-zone',
      maxLength: 64,
      default: 'UTC',
      description: 'IANA name of the time zone of the windows.',
    }),
    windows: Type.Array(window, { minItems: 1, maxItems: 16, description: 'The windows; one of them is enough.' }),
  },
  { description: 'When the user may be logged in: in these windows only. Sessions end when a window does.' },
)
export type ScheduleEntry = Static<typeof schedule>
