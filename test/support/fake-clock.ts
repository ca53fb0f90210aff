/** Clocks for tests: one that stands until it is turned, and one that runs faster. */
import { setImmediate } from 'node:timers/promises'
import { type Clock, systemClock } from '../../operator/time/clock.ts'

export type FakeClock = Clock & {
  /** Turns it, calling back in order, and lets what that sets off happen in between. */
  advance(milliseconds: number): Promise<void>
}

export function fakeClock(): FakeClock {
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  let now = 0
  return {
    wallMilliseconds: () => 1_750_000_000_000 + now,
    milliseconds: () => now,
    after(delayMilliseconds, callback) {
      const timer = { at: now + delayMilliseconds, callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(milliseconds) {
      const end = now + milliseconds
      await setImmediate()
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at)
        if (next === undefined) break
        timers.delete(next)
        now = Math.max(now, next.at)
        next.callback()
        await setImmediate()
      }
      now = end
    },
  }
}

/** The system's clock, so many times faster: for what waits minutes and talks through real sockets. */
export function fastClock(factor: number): Clock {
  return {
    wallMilliseconds: () => systemClock.wallMilliseconds(),
    milliseconds: () => systemClock.milliseconds() * factor,
    after: (delayMilliseconds, callback) => systemClock.after(delayMilliseconds / factor, callback),
  }
}
