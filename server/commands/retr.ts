import { after } from '../at-once.ts'
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
  run({ session, storage, configuration }, argument) {
    const path = resolvePath(session.cwd, argument)
    const type = effectiveType(session, configuration)
    return after(open(session, storage, path), file => ({
      kind: 'transfer',
      transfer: { kind: 'send-file', file, path, type },
      opening: `Sending ${file.size - file.offset} bytes.`,
    }))
  },
}

type Session = LoggedInContext['session']
type Storage = LoggedInContext['storage']

function open(session: Session, storage: Storage, path: string): ReadableFile | Promise<ReadableFile> {
  const { restartOffset, rangeEnd } = session
  return rangeEnd === undefined ? storage.read(path, restartOffset) : openUntil(rangeEnd, restartOffset, storage, path)
}

async function openUntil(end: number, offset: number, storage: Storage, path: string): Promise<ReadableFile> {
  // draft-bryan-ftp-range: of a range beyond the end, nothing is sent.
  const { size } = await storage.stat(path)
  return endingAt(await storage.read(path, Math.min(offset, size)), end)
}
