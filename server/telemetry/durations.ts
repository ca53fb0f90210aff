/** A histogram of what happens with every command or file: as in `tally.ts`, only counts are kept until somebody asks. */
import { Histogram, type Registry } from 'prom-client'

export type DurationsOptions = {
  readonly name: string
  readonly help: string
  /** Upper bounds of the buckets in seconds, ascending. */
  readonly bounds: readonly number[]
  /** By which durations are told apart, if they are. */
  readonly label?: string
  readonly registry: Registry
}

/** `counts` has each bucket alone; the last one has no bound. */
type Kept = { readonly counts: number[]; sum: number }

export class Durations extends Histogram {
  readonly #bounds: readonly number[]
  readonly #label: string | undefined
  readonly #kept = new Map<string, Kept>()
  /** Says what prom-client makes of a histogram, to put the values in. */
  readonly #form: Histogram

  constructor({ name, help, bounds, label, registry }: DurationsOptions) {
    const form = { name, help, buckets: [...bounds], ...(label !== undefined && { labelNames: [label] }) }
    super({ ...form, registers: [registry] })
    this.#bounds = bounds
    this.#label = label
    this.#form = new Histogram({ ...form, registers: [] })
    if (label === undefined) this.#begin('')
  }

  /** `of` is the value of the label, where there is one. */
  add(seconds: number, of = ''): void {
    const kept = this.#kept.get(of) ?? this.#begin(of)
    let bucket = 0
    while (seconds > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1
    kept.counts[bucket] = (kept.counts[bucket] ?? 0) + 1
    kept.sum += seconds
  }

  #begin(of: string): Kept {
    const kept = { counts: [...this.#bounds.map(() => 0), 0], sum: 0 }
    this.#kept.set(of, kept)
    if (this.#label !== undefined) this.#form.zero({ [this.#label]: of })
    return kept
  }

  override async get(): ReturnType<Histogram['get']> {
    const form = await this.#form.get()
    const values = form.values.map(each => ({ ...each, value: this.#valueOf(each.metricName, each.labels) }))
    return { ...form, values }
  }

  /** prom-client asks for its text by this, which its types leave out. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get()
  }

  #valueOf(metric: string | undefined, labels: Readonly<Record<string, string | number | undefined>>): number {
    const kept = this.#kept.get(this.#label === undefined ? '' : String(labels[this.#label]))
    if (kept === undefined) return 0
    if (metric?.endsWith('_sum') === true) return kept.sum
    const { le: bound } = labels
    const buckets = typeof bound === 'number' ? this.#bounds.indexOf(bound) + 1 : kept.counts.length
    return kept.counts.slice(0, buckets).reduce((all, count) => all + count, 0)
  }
}
