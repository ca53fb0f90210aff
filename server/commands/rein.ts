import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 REIN: everything is as just after connecting. After AUTH TLS the connection goes back to clear text (RFC 4217 section 13). */
export const rein: OpenCommand = {
  verbs: ['REIN'],
  syntax: 'REIN',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Logs out and resets the session.',
  argument: 'none',
  needs: 'nothing',
  run: () => ({ kind: 'reply', reply: reply(220, 'Service ready for new user.'), then: 'reinitialize' }),
}
