/** What HASH, MD5 and the commands named X… share: a checksum of a part of a file, computed while the client waits. */
import type { Algorithm } from '../checksums/algorithm.ts'
import { checksumOf } from '../checksums/checksum.ts'
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { type Reply, reply } from '../control/reply.ts'
import { StorageError } from '../storage/storage.ts'

export type ChecksumOrder = {
  /** Absolute. */
  readonly path: string
  readonly algorithm: Algorithm
  /** Offset of the first byte. */
  readonly start: number
  /** Offset behind the last byte; by default that of the end. */
  readonly end?: number | undefined
  /** What to do where the file ends before. */
  readonly beyond: 'take-less' | 'refuse'
  /** What is said while the client waits; nothing, if undefined. */
  readonly waiting?: Reply | undefined
  /** The reply. */
  readonly answer: (hex: string, part: { readonly start: number; readonly end: number }) => Reply
}

/** Refuses at once what the user may not read, so that nobody waits in line for that. */
export async function checksumTask({ storage, checksums }: LoggedInContext, order: ChecksumOrder): Promise<Outcome> {
  const { path, algorithm, start, end = Number.MAX_SAFE_INTEGER, beyond, waiting, answer } = order
  storage.demand([{ permission: 'download', path }])
  if ((await storage.stat(path)).type !== 'file') throw new StorageError('not-a-file')
  const compute = async (signal: AbortSignal, progress: { bytes: number }): Promise<Reply> => {
    const file = await storage.read(path, start)
    try {
      if (end > file.size && order.end !== undefined && beyond === 'refuse') return beyondEnd
      const bytes = Math.min(end, file.size) - start
      const hex = await checksumOf(file, { algorithm, bytes, signal, progress })
      return answer(hex, { start, end: start + bytes })
    } finally {
      await file.close()
    }
  }
  const run = (signal: AbortSignal, progress: { bytes: number }): Promise<Reply> =>
    checksums.run(signal, () => compute(signal, progress))
  return { kind: 'task', task: { path, run, ...(waiting !== undefined && { waiting }) } }
}

const beyondEnd = reply(554, 'The range reaches beyond the end of the file.')
