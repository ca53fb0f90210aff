/** Time as the operator sees it, passed in so that tests can turn it. */
export interface Clock {
  /** Time of the wall, as milliseconds since 1970. For what others read; it may jump. */
  wallMilliseconds(): number
  /** Milliseconds since some fixed moment of this process; never goes back. For what is measured. */
  milliseconds(): number
  /** Calls back once after a delay, unless the returned function is called before. */
  after(delayMilliseconds: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  wallMilliseconds: () => Date.now(),
  milliseconds: () => performance.now(),
  after(delayMilliseconds, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMilliseconds), longestTimerMilliseconds))
    return () => clearTimeout(timer)
  },
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function pause(clock: Clock, delayMilliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const cancel = clock.after(delayMilliseconds, () => {
    signal.removeEventListener('abort', abort)
    resolve()
  })
  const abort = () => {
    cancel()
    reject(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  return promise
}

// A longer delay would be taken for 1 ms by the timers of Node.
const longestTimerMilliseconds = 2 ** 31 - 1
