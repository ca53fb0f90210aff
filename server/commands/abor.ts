import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 ABOR: ends a running transfer (426 for it, then 226), or closes a passive port that waits. */
export const abor: LoginCommand = {
  verbs: ['ABOR'],
  syntax: 'ABOR',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Ends the running transfer.',
  argument: 'none',
  needs: 'login',
  duringTransfer: () => true,
  run({ data, transfer }) {
    if (transfer !== undefined) return { kind: 'reply', reply: reply(226, 'The transfer was aborted.'), then: 'abort' }
    if (data.state === 'none') return { kind: 'reply', reply: reply(226, 'No transfer is running.') }
    data.discard()
    return { kind: 'reply', reply: reply(225, 'No transfer is running; the data connection is closed.') }
  },
}
