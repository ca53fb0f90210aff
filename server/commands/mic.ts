import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 2228 MIC, CONF and ENC: protection of single commands, which TLS has not got. */
export const mic: OpenCommand = {
  verbs: ['MIC', 'CONF', 'ENC'],
  syntax: 'MIC <SP> <base64data>',
  rfc: 'RFC 2228 section 3',
  summary: 'Carries a protected command; with TLS the connection itself is protected.',
  argument: 'required',
  needs: 'nothing',
  offered: () => false,
  run({ session }) {
    if (session.protection !== 'tls') return { kind: 'reply', reply: reply(503, 'Use AUTH TLS first.') }
    return { kind: 'reply', reply: reply(537, 'TLS protects the connection itself.') }
  },
}
