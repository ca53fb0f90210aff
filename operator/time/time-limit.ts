/** A signal that is aborted with another one, or when the time is up. */
import type { Clock } from './clock.ts'

export type TimeLimit = {
  readonly signal: AbortSignal
  leftMilliseconds(): number
  /** The time begins anew. */
  extend(): void
  /** Must be called, or the timer and the listener stay. */
  end(): void
}

/** `reason` makes the error that the signal is aborted with when the time is up. */
export function limitTime(
  clock: Clock,
  seconds: number,
  outer: AbortSignal | undefined,
  reason: () => Error,
): TimeLimit {
  const controller = new AbortController()
  const abort = () => controller.abort(outer?.reason)
  const expire = () => controller.abort(reason())
  let cancel = clock.after(seconds * 1000, expire)
  let endMilliseconds = clock.milliseconds() + seconds * 1000
  if (outer?.aborted === true) abort()
  outer?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    leftMilliseconds: () => endMilliseconds - clock.milliseconds(),
    extend() {
      cancel()
      cancel = clock.after(seconds * 1000, expire)
      endMilliseconds = clock.milliseconds() + seconds * 1000
    },
    end() {
      cancel()
      outer?.removeEventListener('abort', abort)
    },
  }
}
