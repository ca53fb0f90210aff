/** What RMDA and SITE RMDIR share. */
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'
import { StorageError } from '../storage/storage.ts'

/** Removes a directory with all that is in it, while the client waits. */
export async function removeTree({ session, storage }: LoggedInContext, argument: string): Promise<Outcome> {
  const path = resolvePath(session.cwd, argument)
  storage.demand([
    { permission: 'delete', path, reach: 'all' },
    { permission: 'rmdir', path, reach: 'all' },
  ])
  if ((await storage.stat(path)).type !== 'directory') throw new StorageError('not-a-directory')
  return {
    kind: 'task',
    task: {
      path,
      async run(signal, progress) {
        await storage.removeTree(path, { signal, progress })
        return reply(250, 'Removed, with all that was in it.')
      },
    },
  }
}
