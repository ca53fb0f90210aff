/** What SITE CPTO and SITE COPY share: a copy that is made while the client waits. What may not be done is refused before anything is. */
import type { LoggedInContext, Outcome } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { bitsOf } from '../../control/session/session.ts'
import { copyTree } from '../../storage/copy-tree.ts'
import { isWithin } from '../../storage/path.ts'
import { type Entry, isStorageError, StorageError } from '../../storage/storage.ts'

/** Copies a file, or a directory with all that is in it. Both paths are absolute. */
export async function copyWhileWaiting(context: LoggedInContext, from: string, to: string): Promise<Outcome> {
  const { storage } = context
  storage.demand([
    { permission: 'download', path: from },
    { permission: 'upload', path: to },
  ])
  const source = await storage.stat(from)
  if (source.type === 'directory') return await copyOfDirectory(context, from, to)
  if (source.type !== 'file') throw new StorageError('not-a-file')
  return await copyOfFile(context, source, from, to)
}

async function copyOfFile(
  { session, storage }: LoggedInContext,
  source: Entry,
  from: string,
  to: string,
): Promise<Outcome> {
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
        await storage.copyFile(from, to, { signal, progress, permissions: bitsOf(session, 0o666) })
        return reply(250, 'Copied.')
      },
    },
  }
}

async function copyOfDirectory({ session, storage }: LoggedInContext, from: string, to: string): Promise<Outcome> {
  storage.demand([
    { permission: 'list', path: from, reach: 'all' },
    { permission: 'download', path: from, reach: 'all' },
    { permission: 'mkdir', path: to, reach: 'all' },
    { permission: 'upload', path: to, reach: 'all' },
  ])
  if (isWithin(to, from)) throw new StorageError('name-not-allowed')
  if ((await storage.stat(to).catch(unlessMissing)) !== undefined) throw new StorageError('exists')
  const copied = { files: 0, directories: 0 }
  return {
    kind: 'task',
    task: {
      path: to,
      async run(signal, progress) {
        const permissions = bitsOf(session, 0o666)
        const directoryPermissions = bitsOf(session, 0o777)
        await copyTree(storage, from, to, { signal, progress, permissions, directoryPermissions, copied })
        return reply(250, 'Copied.')
      },
      cutShort({ code, lines: [reason] }) {
        const { files, directories } = copied
        if (directories === 0) return reply(code, reason)
        return reply(code, reason, `Copied until then, and left there: directories: ${directories}, files: ${files}.`)
      },
    },
  }
}

function unlessMissing(error: unknown): undefined {
  if (!isStorageError(error, 'not-found')) throw error
}
