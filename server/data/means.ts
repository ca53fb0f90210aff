/** What all transfers of a server share. */
import { BufferPool } from './buffer-pool.ts'
import type { Sendfile } from './sendfile.ts'
import { loadSplice, type Splice } from './splice.ts'
import { TurnClock } from './turn-clock.ts'

export type TransferMeans = {
  /** Undefined where the kernel's own way is not to be had. */
  readonly sendfile: Sendfile | undefined
  /** The same for uploads. */
  readonly splice: Splice | undefined
  readonly buffers: BufferPool
  readonly clock: TurnClock
}

export function transferMeans(sendfile?: Sendfile): TransferMeans {
  // Where the one is missing or not wanted, so is the other.
  return { sendfile, splice: sendfile && loadSplice(), buffers: new BufferPool(), clock: new TurnClock() }
}
