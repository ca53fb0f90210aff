import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { parseTime } from '../listing/facts.ts'
import { changeFacts } from './change-facts.ts'

/** MFMT of the Internet-Draft draft-somers-ftp-mfxx: sets the time a file was modified, in UTC. */
export const mfmt: LoginCommand = {
  verbs: ['MFMT'],
  syntax: 'MFMT <SP> <time> <SP> <pathname>',
  rfc: 'draft-somers-ftp-mfxx',
  summary: 'Sets the time a file was modified.',
  argument: 'required',
  needs: 'mtime',
  features: () => ['MFMT'],
  async run(context, argument) {
    const [, time = '', name] = /^(\S+) (.+)$/s.exec(argument) ?? []
    const modified = parseTime(time)
    if (modified === undefined || name === undefined) {
      return { kind: 'reply', reply: reply(501, 'The time must be YYYYMMDDHHMMSS, followed by a path.') }
    }
    return await changeFacts(context, { modified }, name)
  },
}
