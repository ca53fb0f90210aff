/** The rates that sessions of a process have in common, and their part of them where other processes have sessions as well. */
import { RateBucket } from './rate-bucket.ts'

/** The seam to the other processes. */
export interface BandwidthShares {
  /** So many transfers of this process are under the limit now. */
  use(key: string, transfers: number): void
  /** Told of the part of the rate that is this process's: above 0, at most 1. */
  onShare: (key: string, share: number) => void
}

type Entry = { readonly bucket: RateBucket; transfers: number; share: number | undefined }

/** A rate that holds now, and what keeps it. */
export type Limit = { readonly bucket: RateBucket; readonly bytesPerSecond: () => number | undefined }

/** What ended long ago is forgotten once there are so many. */
const mostIdle = 256

/** Nothing to close. */
export class Bandwidth {
  readonly #shares: BandwidthShares | undefined
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()

  /** Without the seam this is the only process. The clock gives milliseconds. */
  constructor(shares?: BandwidthShares, now: () => number = () => performance.now()) {
    this.#shares = shares
    this.#now = now
    if (shares === undefined) return
    shares.onShare = (key, share) => {
      const entry = this.#entries.get(key)
      if (entry !== undefined) entry.share = share
    }
  }

  get now(): number {
    return this.#now()
  }

  /** Puts a transfer under a limit of a name; `leave` ends that. */
  join(key: string, bytesPerSecond: number): Limit & { readonly leave: () => void } {
    const entry = this.#entries.get(key) ?? this.#create(key)
    this.#change(key, entry, 1)
    let joined = true
    return {
      bucket: entry.bucket,
      bytesPerSecond: () => entry.share && entry.share * bytesPerSecond,
      leave: () => {
        if (joined) this.#change(key, entry, -1)
        joined = false
      },
    }
  }

  #create(key: string): Entry {
    const now = this.#now()
    if (this.#entries.size >= mostIdle)
      for (const [other, { transfers, bucket }] of this.#entries)
        if (transfers === 0 && bucket.isIdle(now)) this.#entries.delete(other)
    const entry = { bucket: new RateBucket(now), transfers: 0, share: this.#shares === undefined ? 1 : undefined }
    this.#entries.set(key, entry)
    return entry
  }

  #change(key: string, entry: Entry, by: 1 | -1): void {
    entry.transfers += by
    // Others may have taken its part meanwhile.
    if (this.#shares !== undefined && by === 1 && entry.transfers === 1) entry.share = undefined
    this.#shares?.use(key, entry.transfers)
  }
}
