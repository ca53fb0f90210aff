import { permissionsIn } from '../auth/permissions.ts'
import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { listFacts } from '../listing/list.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 3659 section 7 MLSD: the facts of a directory's entries. */
export const mlsd: LoginCommand = {
  verbs: ['MLSD'],
  syntax: 'MLSD [<SP> <pathname>]',
  rfc: 'RFC 3659 section 7',
  summary: 'Lists a directory, in a format for programs.',
  argument: 'optional',
  needs: 'list',
  transfers: true,
  async run({ session, storage, login }, argument) {
    const path = resolvePath(session.cwd, argument)
    const entry = await storage.stat(path)
    // RFC 3659 section 7.2.1
    if (entry.type !== 'directory') return { kind: 'reply', reply: reply(501, 'Not a directory: use MLST.') }
    const chunks = listFacts(storage, path, {
      facts: session.facts,
      permissionsOf: permissionsIn(login.user, path),
    })
    return { kind: 'transfer', transfer: { kind: 'send-listing', chunks, path }, opening: 'Here comes the listing.' }
  },
}
