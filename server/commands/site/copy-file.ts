/** What SITE CPTO and SITE COPY share. */
import type { LoggedInContext, Outcome } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { bitsOf } from '../../control/session.ts'
import { copyFile } from '../../storage/copy-file.ts'
import { isStorageError, StorageError } from '../../storage/storage.ts'

/** Copies a file while the client waits; what may not be done is refused before anything is. Both paths are absolute. */
export async function copyWhileWaiting(
  { session, storage }: LoggedInContext,
  from: string,
  to: string,
): Promise<Outcome> {
  storage.demand([
    { permission: 'download', path: from },
    { permission: 'upload', path: to },
  ])
  const source = await storage.stat(from)
  if (source.type !== 'file') throw new StorageError('not-a-file')
  const existing = await storage.stat(to).catch(unlessMissing)
  if (existing !== undefined) {
    if (existing.type !== 'file') throw new StorageError('not-a-file')
    // Writing to a file would empty it before it is read.
    if (existing.unique === source.unique) throw new StorageError('exists')
    storage.demand([{ permission: 'overwrite', path: to }])
  }
  return {
    kind: 'task',
    task: {
      path: to,
      async run(signal, progress) {
        await copyFile(storage, from, to, { signal, progress, permissions: bitsOf(session, 0o666) })
        return reply(250, 'Copied.')
      },
    },
  }
}

function unlessMissing(error: unknown): undefined {
  if (!isStorageError(error, 'not-found')) throw error
}
