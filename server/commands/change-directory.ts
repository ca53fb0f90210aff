/** What CWD and CDUP share. */
import type { LoggedInContext, Outcome } from '../control/command.ts'
import { replyWithText } from '../control/message-text.ts'
import { quotePath, reply } from '../control/reply.ts'
import { StorageError } from '../storage/storage.ts'
import { directoryMessage } from './directory-message.ts'

/** Makes an absolute path the working directory, if it is a directory. */
export async function changeDirectory({ storage, configuration }: LoggedInContext, path: string): Promise<Outcome> {
  const entry = await storage.stat(path)
  if (entry.type !== 'directory') throw new StorageError('not-a-directory')
  const { directoryFile } = configuration.server.messages
  const message = directoryFile === undefined ? undefined : await directoryMessage(storage, path, directoryFile)
  const answer = reply(250, `${quotePath(path)} is the working directory.`)
  return {
    kind: 'reply',
    reply: message === undefined ? answer : replyWithText(answer.code, message, answer.lines[0]),
    session: { cwd: path },
  }
}
