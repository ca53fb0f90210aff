import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** MFCT of the Internet-Draft draft-somers-ftp-mfxx: no file system that Linux has lets the time of creation be set. */
export const mfct: LoginCommand = {
  verbs: ['MFCT'],
  syntax: 'MFCT <SP> <time> <SP> <pathname>',
  rfc: 'draft-somers-ftp-mfxx',
  summary: 'Not supported: the time a file was created cannot be set.',
  argument: 'required',
  needs: 'login',
  offered: () => false,
  run: () => ({ kind: 'reply', reply: reply(504, 'The time of creation cannot be set.') }),
}
