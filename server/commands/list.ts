import type { LoginCommand } from '../control/command.ts'
import { parseFlags } from '../listing/flags.ts'
import { listDirectory } from '../listing/list.ts'
import { resolvePath } from '../storage/path.ts'

/** RFC 959 LIST: as `ls -l` prints it, whatever the type (RFC 1123 section 4.1.2.7). */
export const list: LoginCommand = {
  verbs: ['LIST'],
  syntax: 'LIST [<SP> <pathname>]',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Lists a directory, in long format; takes flags of ls and patterns.',
  argument: 'optional',
  needs: 'list',
  transfers: true,
  async run({ session, storage, configuration, now }, argument) {
    const { flags, path: name } = parseFlags(argument)
    const path = resolvePath(session.cwd, name)
    const { timeZone } = configuration.server.listing
    const chunks = await listDirectory(storage, path, { flags, timeZone, now })
    return { kind: 'transfer', transfer: { kind: 'send-listing', chunks, path }, opening: 'Here comes the listing.' }
  },
}
