/** A histogram of what happens with every command: as in `tally.ts`, only counts are kept until somebody asks. */
import { Histogram, type Registry } from 'prom-client'

export type DurationsOptions = {
  readonly name: string
  readonly help: string
  /** Upper bounds of the buckets in seconds, ascending. */
  readonly bounds: readonly number[]
  readonly registry: Registry
}

export class Durations extends Histogram {
  readonly #bounds: readonly number[]
  /** Of each bucket alone; the last one has no bound. */
  readonly #counts: number[]
  #sum = 0
  /** Says what prom-client makes of a histogram, to put the values in. */
  readonly #form: Histogram

  constructor({ name, help, bounds, registry }: DurationsOptions) {
    super({ name, help, buckets: [...bounds], registers: [registry] })
    this.#bounds = bounds
    this.#counts = [...bounds.map(() => 0), 0]
    this.#form = new Histogram({ name, help, buckets: [...bounds], registers: [] })
  }

  add(seconds: number): void {
    let bucket = 0
    for (const bound of this.#bounds) {
      if (seconds <= bound) break
      bucket += 1
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += seconds
  }

  override async get(): ReturnType<Histogram['get']> {
    const form = await this.#form.get()
    const values = form.values.map(each => ({ ...each, value: this.#valueOf(each.metricName, each.labels['le']) }))
    return { ...form, values }
  }

  /** prom-client asks for its text by this, which its types leave out. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get()
  }

  #valueOf(metric: string | undefined, bound: string | number | undefined): number {
    if (metric?.endsWith('_sum') === true) return this.#sum
    const buckets = typeof bound === 'number' ? this.#bounds.indexOf(bound) + 1 : this.#counts.length
    return this.#counts.slice(0, buckets).reduce((all, count) => all + count, 0)
  }
}
