import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { canRestart } from '../control/session/representation.ts'
import { mayRestart } from './may-restart.ts'

/** RFC 3659 section 5 REST: where the transfer that follows begins; markers of MODE B and C are offsets as well. An offset beyond the file is the transfer's to refuse (554). */
export const rest: LoginCommand = {
  verbs: ['REST'],
  syntax: 'REST <SP> <decimal-integer>',
  rfc: 'RFC 3659 section 5',
  summary: 'Sets the offset, in bytes, at which the next transfer begins.',
  argument: 'required',
  needs: 'login',
  features: context => (mayRestart(context) ? ['REST STREAM'] : []),
  run({ session, configuration }, argument) {
    const offset = /^\d{1,16}$/.test(argument.trim()) ? Number(argument) : Number.NaN
    if (!Number.isSafeInteger(offset))
      return { kind: 'reply', reply: reply(501, 'The offset must be a number of bytes.') }
    // Offsets count bytes of the file; what ASCII makes of them can't be known.
    if (offset > 0 && !canRestart(session, configuration))
      return { kind: 'reply', reply: reply(501, 'Restart needs TYPE I.') }
    return { kind: 'reply', reply: reply(350, `Restarting at ${offset}.`), session: { restartOffset: offset } }
  },
}
