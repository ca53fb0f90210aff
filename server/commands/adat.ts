import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 2228 ADAT: TLS has no security data to exchange here. */
export const adat: OpenCommand = {
  verbs: ['ADAT'],
  syntax: 'ADAT <SP> <base64data>',
  rfc: 'RFC 2228 section 3',
  summary: 'Carries security data; TLS has no use for it.',
  argument: 'required',
  needs: 'nothing',
  offered: () => false,
  run: () => ({ kind: 'reply', reply: reply(503, 'No mechanism that takes security data is in use.') }),
}
