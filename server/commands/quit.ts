import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 QUIT: a running transfer ends first. */
export const quit: OpenCommand = {
  verbs: ['QUIT'],
  syntax: 'QUIT',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Logs out and closes the connection, after a running transfer has ended.',
  argument: 'none',
  needs: 'nothing',
  run: () => ({ kind: 'reply', reply: reply(221, 'Goodbye.'), then: 'close' }),
}
