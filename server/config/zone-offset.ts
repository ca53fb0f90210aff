/** How far the clocks of a time zone are ahead of UTC. */

// Since 1972 all zones have changed at a multiple of a quarter of an hour.
const quarterMilliseconds = 900_000
const maxRemembered = 4096

/** A function from milliseconds since the epoch to the offset at that time, in milliseconds. It asks Intl once a quarter of an hour of file times. */
export function zoneOffset(timeZone: string): (time: number) => number {
  if (timeZone === 'UTC') return () => 0
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  const offsets = new Map<number, number>()
  return time => {
    const quarter = Math.floor(time / quarterMilliseconds)
    const known = offsets.get(quarter)
    if (known !== undefined) return known
    const offset = offsetAt(format, quarter * quarterMilliseconds)
    if (offsets.size >= maxRemembered) offsets.clear()
    offsets.set(quarter, offset)
    return offset
  }
}

const lastTime = 8_640_000_000_000_000

function offsetAt(format: Intl.DateTimeFormat, time: number): number {
  if (Math.abs(time) > lastTime) return 0
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]))
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type) ?? 0)
  const local = new Date(0)
  local.setUTCFullYear(part('year'), part('month') - 1, part('day'))
  local.setUTCHours(part('hour'), part('minute'), part('second'))
  // Years before 1 are counted backwards by Intl: nobody lists them by local time.
  return part('year') === 0 || parts.get('era')?.startsWith('B') ? 0 : local.getTime() - time
}
