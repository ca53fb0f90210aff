/** Counts of what happens often, by one or two labels: to count here costs a tenth of what Prometheus' counters cost, which are told when somebody asks. */

/** Nothing to close. */
export class Tally {
  readonly #counts = new Map<string, Map<string | number, { amount: number }>>()

  /** Of labels only the first may be there. */
  add(amount: number, first: string, second: string | number = ''): void {
    const counts = this.#counts.get(first)
    const count = counts?.get(second)
    if (count !== undefined) count.amount += amount
    else if (counts !== undefined) counts.set(second, { amount })
    else this.#counts.set(first, new Map([[second, { amount }]]))
  }

  /** Gives what was added since this was called last. */
  take(tell: (amount: number, first: string, second: string | number) => void): void {
    for (const [first, counts] of this.#counts) for (const [second, { amount }] of counts) tell(amount, first, second)
    this.#counts.clear()
  }
}
