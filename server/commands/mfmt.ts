import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { formatTime, parseTime } from '../listing/facts.ts'
import { resolvePath } from '../storage/path.ts'

/** MFMT of the Internet-Draft draft-somers-ftp-mfxx: sets the time a file was modified, in UTC. */
export const mfmt: LoginCommand = {
  verbs: ['MFMT'],
  syntax: 'MFMT <SP> <time> <SP> <pathname>',
  rfc: 'draft-somers-ftp-mfxx',
  summary: 'Sets the time a file was modified.',
  argument: 'required',
  needs: 'mtime',
  features: () => ['MFMT'],
  async run({ session, storage }, argument) {
    const [, time = '', path] = /^(\S+) (.+)$/s.exec(argument) ?? []
    const wanted = parseTime(time)
    if (wanted === undefined || path === undefined) {
      return { kind: 'reply', reply: reply(501, 'The time must be YYYYMMDDHHMMSS, followed by a path.') }
    }
    const modified = await storage.setModified(resolvePath(session.cwd, path), wanted)
    return { kind: 'reply', reply: reply(213, `Modify=${formatTime(modified)}; ${path}`) }
  },
}
