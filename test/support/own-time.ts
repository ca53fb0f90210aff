/** Time as a process has it: what is promised within a second can't be held against one that is not let run. */

const beatMilliseconds = 10

export type OwnTimeout = Disposable & { readonly signal: AbortSignal }

/** Aborts after so many milliseconds in which this process could run: beats of a timer, which come late where all else comes late. */
export function ownTimeout(milliseconds: number): OwnTimeout {
  const late = new AbortController()
  let left = milliseconds / beatMilliseconds
  const timer = setInterval(() => {
    left -= 1
    if (left <= 0) late.abort()
  }, beatMilliseconds)
  return { signal: late.signal, [Symbol.dispose]: () => clearInterval(timer) }
}
