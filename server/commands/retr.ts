import type { LoggedInContext, LoginCommand } from '../control/command.ts'
import { effectiveType } from '../control/session/representation.ts'
import { endingAt } from '../data/moving/limited-file.ts'
import { resolvePath } from '../storage/path.ts'
import type { ReadableFile } from '../storage/storage.ts'

/** RFC 959 RETR: sends a file over the data connection, from the offset that REST set (RFC 3659 section 5). */
export const retr: LoginCommand = {
  verbs: ['RETR'],
  syntax: 'RETR <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Downloads a file.',
  argument: 'required',
  needs: 'download',
  transfers: true,
  restarts: true,
  async run({ session, storage, configuration }, argument) {
    const path = resolvePath(session.cwd, argument)
    const file = await open(session, storage, path)
    const opening = `Sending ${file.size - file.offset} bytes.`
    const type = effectiveType(session, configuration)
    return { kind: 'transfer', transfer: { kind: 'send-file', file, path, type }, opening }
  },
}

async function open(
  { restartOffset, rangeEnd }: LoggedInContext['session'],
  storage: LoggedInContext['storage'],
  path: string,
): Promise<ReadableFile> {
  if (rangeEnd === undefined) return await storage.read(path, restartOffset)
  // draft-bryan-ftp-range: of a range beyond the end, nothing is sent.
  const { size } = await storage.stat(path)
  return endingAt(await storage.read(path, Math.min(restartOffset, size)), rangeEnd)
}
