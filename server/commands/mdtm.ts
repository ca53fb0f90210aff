import type { LoggedInContext, LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { formatTime, parseTime } from '../listing/facts.ts'
import { resolvePath } from '../storage/path.ts'
import { StorageError } from '../storage/storage.ts'

/** RFC 3659 section 3 MDTM: the time a file was modified, in UTC. With a time before the path it sets it, as many clients expect. */
export const mdtm: LoginCommand = {
  verbs: ['MDTM'],
  syntax: 'MDTM <SP> [<time> <SP>] <pathname>',
  rfc: 'RFC 3659 section 3',
  summary: 'Tells, or sets, the time a file was modified.',
  argument: 'required',
  needs: 'anything',
  features: () => ['MDTM'],
  async run(context, argument) {
    const time = await modified(context, argument)
    return { kind: 'reply', reply: reply(213, formatTime(time)) }
  },
}

async function modified({ session, storage }: LoggedInContext, argument: string): Promise<number> {
  const [, time, path] = /^(\d{14}(?:\.\d{1,9})?) (.+)$/s.exec(argument) ?? []
  const wanted = time === undefined ? undefined : parseTime(time)
  try {
    return await timeOf(argument)
  } catch (error) {
    // RFC 3659 section 3.4: only if no file has such a name is it a time and a path.
    if (wanted === undefined || path === undefined || !(error instanceof StorageError)) throw error
    return await storage.setModified(resolvePath(session.cwd, path), wanted)
  }

  async function timeOf(name: string): Promise<number> {
    const entry = await storage.stat(resolvePath(session.cwd, name))
    if (entry.type !== 'file') throw new StorageError('not-a-file')
    return entry.modified
  }
}
