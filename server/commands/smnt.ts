import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 SMNT: there is one file structure, so it is superfluous. */
export const smnt: LoginCommand = {
  verbs: ['SMNT'],
  syntax: 'SMNT <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Mounts a file structure; superfluous here.',
  argument: 'required',
  needs: 'login',
  run: () => ({ kind: 'reply', reply: reply(202, 'Superfluous: there is one file structure.') }),
}
