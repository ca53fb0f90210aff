import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'

/** SITE UMASK, as most Unix servers have it: permission bits that new files and directories of the session do not get. */
export const siteUmask: LoginCommand = {
  verbs: ['UMASK'],
  syntax: 'SITE UMASK [<SP> <octal-mode>]',
  rfc: 'No RFC; customary',
  summary: 'Tells, or sets, which permission bits new files and directories do not get.',
  argument: 'optional',
  needs: 'chmod',
  features: () => ['SITE UMASK'],
  run({ session }, argument) {
    const text = argument.trim()
    if (text === '' && session.umask === undefined) {
      return { kind: 'reply', reply: reply(200, 'The umask is that of the server.') }
    }
    if (text !== '' && !/^0?[0-7]{3}$/.test(text)) {
      return { kind: 'reply', reply: reply(501, 'The umask must be three octal digits.') }
    }
    const umask = text === '' ? (session.umask ?? 0) : Number.parseInt(text, 8)
    const answer = reply(200, `The umask is ${umask.toString(8).padStart(3, '0')}.`)
    return { kind: 'reply', reply: answer, session: { umask } }
  },
}
