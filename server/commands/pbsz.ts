import type { OpenCommand } from '../control/command.ts'
import { mayHaveTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'

/** RFC 4217 section 9 PBSZ: TLS needs no buffer, so its size is 0. */
export const pbsz: OpenCommand = {
  verbs: ['PBSZ'],
  syntax: 'PBSZ <SP> <decimal-integer>',
  rfc: 'RFC 4217 section 9',
  summary: 'Sets the size of the protection buffer: 0 with TLS.',
  argument: 'required',
  needs: 'nothing',
  offered: ({ session }) => mayHaveTls(session),
  features: () => ['PBSZ'],
  run({ session }, argument) {
    if (session.protection !== 'tls') return { kind: 'reply', reply: reply(503, 'Use AUTH TLS first.') }
    const size = argument.trim()
    if (!/^\d{1,10}$/.test(size) || Number(size) > 0xffff_ffff)
      return { kind: 'reply', reply: reply(501, 'The size must be a number.') }
    return { kind: 'reply', reply: reply(200, 'PBSZ=0'), session: { protectionBufferSet: true } }
  },
}
