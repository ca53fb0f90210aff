/** How much of each rate is which process's: as much as it has of the transfers that are under it. */
import type { BandwidthShares } from '../data/rate/bandwidth.ts'

export class BandwidthLedger {
  readonly #uses = new Map<string, Map<BandwidthHolder, number>>()

  /** For one process. */
  holder(): BandwidthHolder {
    return new BandwidthHolder(this.#uses)
  }
}

export class BandwidthHolder implements BandwidthShares {
  onShare: BandwidthShares['onShare'] = () => {}
  readonly #uses: Map<string, Map<BandwidthHolder, number>>
  readonly #own = new Set<string>()

  constructor(uses: Map<string, Map<BandwidthHolder, number>>) {
    this.#uses = uses
  }

  use(key: string, transfers: number): void {
    const holders = this.#uses.get(key) ?? new Map<BandwidthHolder, number>()
    if (transfers > 0) {
      holders.set(this, transfers)
      this.#own.add(key)
    } else {
      holders.delete(this)
      this.#own.delete(key)
    }
    if (holders.size === 0) return void this.#uses.delete(key)
    this.#uses.set(key, holders)
    let sum = 0
    for (const count of holders.values()) sum += count
    for (const [holder, count] of holders) holder.onShare(key, count / sum)
  }

  /** The process is gone: the others have all. */
  releaseAll(): void {
    for (const key of [...this.#own]) this.use(key, 0)
  }
}
