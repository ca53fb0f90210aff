import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 RNFR: names what the very next command, RNTO, renames. */
export const rnfr: LoginCommand = {
  verbs: ['RNFR'],
  syntax: 'RNFR <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Names the file or directory to rename.',
  argument: 'required',
  needs: 'rename',
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    await storage.stat(path)
    return { kind: 'reply', reply: reply(350, 'Ready for RNTO.'), session: { renameFrom: path } }
  },
}
