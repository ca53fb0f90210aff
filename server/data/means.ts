/** What all transfers of a server share. */
import { SharedLedger, type SharedState } from '../workers/shared-state.ts'
import { DeflateSlots } from './encoding/deflate-slots.ts'
import { BufferPool } from './kernel/buffer-pool.ts'
import type { Sendfile } from './kernel/sendfile.ts'
import { loadSocketCalls, type SocketCalls } from './kernel/socket-calls.ts'
import { loadSplice, type Splice } from './kernel/splice.ts'
import { TurnClock } from './kernel/turn-clock.ts'

export type TransferMeans = {
  /** Undefined where the kernel's own way is not to be had. */
  readonly sendfile: Sendfile | undefined
  /** The same for uploads. */
  readonly splice: Splice | undefined
  /** The same for what is sent at once. */
  readonly socketCalls: SocketCalls | undefined
  readonly buffers: BufferPool
  readonly deflateSlots: DeflateSlots
  /** For bytes that are gone before anything else can happen. */
  readonly passing: Uint8Array
  readonly clock: TurnClock
}

type Shared = Pick<SharedState, 'claim' | 'release'>

/** What a connection takes at once, as a rule. */
const passingBytes = 65_536

/** Without what is shared with others, those of this process alone. */
export function transferMeans(sendfile?: Sendfile, shared: Shared = new SharedLedger().holder()): TransferMeans {
  // Where the one is missing or not wanted, so is the other.
  return {
    sendfile,
    splice: sendfile && loadSplice(),
    socketCalls: sendfile && loadSocketCalls(),
    buffers: new BufferPool(),
    deflateSlots: new DeflateSlots({ shared }),
    passing: Buffer.allocUnsafeSlow(passingBytes),
    clock: new TurnClock(),
  }
}
