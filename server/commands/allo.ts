import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 ALLO: nothing needs to be reserved. 200 and not 202, which some cameras take for a refusal. */
export const allo: LoginCommand = {
  verbs: ['ALLO'],
  syntax: 'ALLO <SP> <decimal-integer> [<SP> R <SP> <decimal-integer>]',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Announces the size of an upload.',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  run(_context, argument) {
    const well = /^\d{1,20}(?: R \d{1,20})?$/i.test(argument.trim())
    return {
      kind: 'reply',
      reply: well ? reply(200, 'No reservation is needed.') : reply(501, 'The size must be a number of bytes.'),
    }
  },
}
