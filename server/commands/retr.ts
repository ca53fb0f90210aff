import type { LoginCommand } from '../control/command.ts'
import { resolvePath } from '../storage/path.ts'

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
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    const file = await storage.read(path, session.restartOffset)
    const opening = `Sending ${file.size - file.offset} bytes.`
    return { kind: 'transfer', transfer: { kind: 'send-file', file, path, type: session.type }, opening }
  },
}
