import type { LoginCommand } from '../control/command.ts'
import { quotePath, reply } from '../control/reply.ts'
import { bitsOf } from '../control/session/session.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 MKD, with the synonym XMKD of RFC 775. */
export const mkd: LoginCommand = {
  verbs: ['MKD', 'XMKD'],
  syntax: 'MKD <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Makes a directory.',
  argument: 'required',
  needs: 'mkdir',
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    await storage.makeDirectory(path, bitsOf(session, 0o777))
    return { kind: 'reply', reply: reply(257, `${quotePath(path)} was made.`) }
  },
}
