import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 RNTO: renames what RNFR named just before. */
export const rnto: LoginCommand = {
  verbs: ['RNTO'],
  syntax: 'RNTO <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Renames what RNFR named.',
  argument: 'required',
  needs: 'rename',
  async run({ session, storage }, argument) {
    if (session.renameFrom === undefined) return { kind: 'reply', reply: reply(503, 'Use RNFR first.') }
    await storage.rename(session.renameFrom, resolvePath(session.cwd, argument))
    return { kind: 'reply', reply: reply(250, 'Renamed.') }
  },
}
