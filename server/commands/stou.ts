import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { nameOf, parentOf, resolvePath } from '../storage/path.ts'
import { randomName } from '../storage/unique.ts'
import { receiveFile, restartOf } from './receive-file.ts'

/** RFC 959 STOU: receives a file under a name that is new; its argument, if any, is what the name begins with. */
export const stou: LoginCommand = {
  verbs: ['STOU'],
  syntax: 'STOU [<SP> <pathname>]',
  rfc: 'RFC 959 section 4.1.3, RFC 1123 section 4.1.2.9',
  summary: 'Uploads a file under a new, unique name.',
  argument: 'optional',
  needs: 'upload',
  transfers: true,
  async run({ session, storage, configuration }, argument) {
    if (restartOf({ session }) !== undefined)
      return { kind: 'reply', reply: reply(503, 'A new file has no offset to restart at.') }
    const path = resolvePath(session.cwd, argument === '' ? randomName() : argument)
    const outcome = await receiveFile({ session, storage, configuration }, path, { kind: 'unique' })
    const { path: stored } = outcome.transfer
    // RFC 1123 section 4.1.2.9: a name that means this file to who is told it here.
    return { ...outcome, opening: `FILE: ${parentOf(stored) === session.cwd ? nameOf(stored) : stored}` }
  },
}
