/**
 * Deadlines that begin and end with each transfer and hardly ever pass. Those of the same length share one timer of Node's, which would cost more
 * to begin and to end than all else that is done for one of them. They keep no process running.
 */
import { keepKind } from './kinds.ts'

/** Calls back once so many milliseconds have passed, unless it is ended before. */
export function callIn(milliseconds: number, onPassed: () => void): Deadline {
  const deadline = new Deadline(lineOf(milliseconds), onPassed)
  deadline.begin()
  return deadline
}

export class Deadline {
  readonly #line: Line
  readonly onPassed: () => void
  /** By the monotonic clock. */
  at = 0

  constructor(line: Line, onPassed: () => void) {
    this.#line = line
    this.onPassed = onPassed
  }

  begin(): void {
    this.#line.join(this)
  }

  end(): void {
    this.#line.leave(this)
  }

  /** All of its time begins anew, unless it has passed or was ended. */
  renew(): void {
    if (this.#line.leave(this)) this.#line.join(this)
  }
}

/** Those of one length, in the order in which they pass. */
class Line {
  readonly #milliseconds: number
  readonly #waiting = new Set<Deadline>()
  #timer: NodeJS.Timeout | undefined

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  join(deadline: Deadline): void {
    deadline.at = performance.now() + this.#milliseconds
    this.#waiting.add(deadline)
    if (this.#timer === undefined) this.#wakeIn(this.#milliseconds)
  }

  /** Whether it was waiting. */
  leave(deadline: Deadline): boolean {
    return this.#waiting.delete(deadline)
  }

  #wakeIn(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#passDue(), milliseconds).unref()
  }

  /** The timer stays until it is due, though nobody waits any more: the next one is likely to need it. */
  #passDue(): void {
    const now = performance.now()
    try {
      for (const deadline of this.#waiting) {
        if (deadline.at > now) return
        this.#waiting.delete(deadline)
        deadline.onPassed()
      }
    } finally {
      this.#goOn(now)
    }
  }

  #goOn(now: number): void {
    const [next] = this.#waiting
    if (next !== undefined) return this.#wakeIn(Math.max(0, Math.ceil(next.at - now)))
    this.#timer = undefined
    lines.delete(this.#milliseconds)
  }
}

/** By length: as many as the configuration has. */
const lines = new Map<number, Line>()

function lineOf(milliseconds: number): Line {
  const known = lines.get(milliseconds)
  if (known !== undefined) return known
  const line = new Line(milliseconds)
  lines.set(milliseconds, line)
  return line
}

keepKind(() => {
  const line = new Line(0)
  const deadline = new Deadline(line, () => {})
  return { line, deadline }
})
