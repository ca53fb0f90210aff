/** What all transfers of a server share. */
import { BufferPool } from './buffer-pool.ts'
import type { Sendfile } from './sendfile.ts'

export type TransferMeans = {
  /** Undefined where the kernel's own way is not to be had. */
  readonly sendfile: Sendfile | undefined
  readonly buffers: BufferPool
}

export function transferMeans(sendfile?: Sendfile): TransferMeans {
  return { sendfile, buffers: new BufferPool() }
}
