import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 DELE. */
export const dele: LoginCommand = {
  verbs: ['DELE'],
  syntax: 'DELE <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Deletes a file.',
  argument: 'required',
  needs: 'delete',
  async run({ session, storage }, argument) {
    await storage.removeFile(resolvePath(session.cwd, argument))
    return { kind: 'reply', reply: reply(250, 'Deleted.') }
  },
}
