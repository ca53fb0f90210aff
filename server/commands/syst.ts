import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 SYST: LIST is in the format that clients know from Unix. */
export const syst: OpenCommand = {
  verbs: ['SYST'],
  syntax: 'SYST',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Tells the kind of system.',
  argument: 'none',
  needs: 'nothing',
  run: () => ({ kind: 'reply', reply: reply(215, 'UNIX Type: L8') }),
}
