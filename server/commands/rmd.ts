import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 RMD, with the synonym XRMD of RFC 775. */
export const rmd: LoginCommand = {
  verbs: ['RMD', 'XRMD'],
  syntax: 'RMD <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Removes an empty directory.',
  argument: 'required',
  needs: 'rmdir',
  async run({ session, storage }, argument) {
    await storage.removeDirectory(resolvePath(session.cwd, argument))
    return { kind: 'reply', reply: reply(250, 'Removed.') }
  },
}
