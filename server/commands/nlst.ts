import type { LoginCommand } from '../control/command.ts'
import { parseFlags } from '../listing/flags.ts'
import { listNames } from '../listing/list.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 NLST: names that RETR takes (RFC 1123 section 4.1.2.7). */
export const nlst: LoginCommand = {
  verbs: ['NLST'],
  syntax: 'NLST [<SP> <pathname>]',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Lists the names in a directory; takes patterns.',
  argument: 'optional',
  needs: 'list',
  transfers: true,
  async run({ session, storage }, argument) {
    const { flags, path: name } = parseFlags(argument)
    const chunks = await listNames(storage, session.cwd, name, flags)
    const path = resolvePath(session.cwd, name)
    return { kind: 'transfer', transfer: { kind: 'send-listing', chunks, path }, opening: 'Here come the names.' }
  },
}
