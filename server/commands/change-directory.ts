/** What CWD and CDUP share. */
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { quotePath, reply } from '../control/reply.ts'
import { StorageError } from '../storage/storage.ts'

/** Makes an absolute path the working directory, if it is a directory. */
export async function changeDirectory({ storage }: LoggedInContext, path: string): Promise<Outcome> {
  const entry = await storage.stat(path)
  if (entry.type !== 'directory') throw new StorageError('not-a-directory')
  return { kind: 'reply', reply: reply(250, `${quotePath(path)} is the working directory.`), session: { cwd: path } }
}
