/** Which code of ours has run, as V8 counts it: the sense of direction of the fuzzer. */
import { type Profiler, Session } from 'node:inspector'

type Interval = readonly [start: number, end: number]

export class Coverage {
  readonly #session = new Session()
  readonly #folder: string
  /** By function: what of it has never run. */
  readonly #untouched = new Map<string, readonly Interval[]>()

  /** Counts what lies below a folder, given as the beginning of a URL. */
  constructor(folder: string) {
    this.#folder = folder
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Whether anything has run, since coverage was last taken, that is not known yet; `learn` makes it known. */
  take(what: 'look' | 'learn'): boolean {
    let isNew = false
    // The inspector of the own thread answers before post() returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, result) => {
      if (error !== null) throw error
      for (const script of result.result) {
        if (!script.url.startsWith(this.#folder)) continue
        for (const each of script.functions) if (this.#take(script.url, each, what)) isNew = true
      }
    })
    return isNew
  }

  close(): void {
    this.#session.disconnect()
  }

  /** Blocks lie within each other; the innermost says whether its code has run. */
  #take(url: string, { ranges }: Profiler.FunctionCoverage, what: 'look' | 'learn'): boolean {
    const [whole, ...blocks] = ranges
    if (whole === undefined || whole.count === 0) return false
    const key = `${url}:${whole.startOffset}:${whole.endOffset}`
    const before = this.#untouched.get(key)
    const now: Interval[] = blocks
      .filter(({ count }) => count === 0)
      .map(({ startOffset, endOffset }) => [startOffset, endOffset])
    const left = before === undefined ? now : intersection(before, now)
    if (before !== undefined && length(left) >= length(before)) return false
    if (what === 'learn') this.#untouched.set(key, left)
    return true
  }
}

function intersection(some: readonly Interval[], others: readonly Interval[]): Interval[] {
  return some
    .flatMap(([start, end]) => others.map(([from, to]): Interval => [Math.max(start, from), Math.min(end, to)]))
    .filter(([start, end]) => start < end)
}

function length(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [start, end]) => sum + end - start, 0)
}
