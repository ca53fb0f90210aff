import type { LoginCommand } from '../control/command.ts'
import { quotePath, reply } from '../control/reply.ts'

/** RFC 959 PWD, with the synonym XPWD of RFC 775. */
export const pwd: LoginCommand = {
  verbs: ['PWD', 'XPWD'],
  syntax: 'PWD',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Tells the working directory.',
  argument: 'none',
  needs: 'login',
  run: ({ session }) => ({ kind: 'reply', reply: reply(257, `${quotePath(session.cwd)} is the working directory.`) }),
}
