import { permissionsAt } from '../auth/permissions.ts'
import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { FactsFormat, factNames } from '../listing/facts.ts'
import { Lines } from '../listing/lines.ts'
import { decodeName } from '../storage/name.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 3659 section 7 MLST: the facts of one file or directory, over the control connection. */
export const mlst: LoginCommand = {
  verbs: ['MLST'],
  syntax: 'MLST [<SP> <pathname>]',
  rfc: 'RFC 3659 section 7',
  summary: 'Tells the facts of one file or directory.',
  argument: 'optional',
  needs: 'anything',
  keepsRestart: true,
  features({ session }) {
    const facts = factNames.map(fact => `${fact}${session.facts.includes(fact) ? '*' : ''};`)
    return [`MLST ${facts.join('')}`]
  },
  async run({ session, storage, login }, argument) {
    const path = resolvePath(session.cwd, argument)
    const line = new Lines()
    const found = await storage.stat(path)
    // Nobody can remove or rename the root.
    const entry = path === '/' ? ({ ...found, fixed: true } as const) : found
    new FactsFormat(session.facts).add(line, entry, permissionsAt(login.user, path), path)
    return { kind: 'reply', reply: reply(250, 'Facts:', ` ${decodeName(line.take())}`, 'End.') }
  },
}
