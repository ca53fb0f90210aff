import type { LoginCommand } from '../control/command.ts'
import { type Reply, reply } from '../control/reply.ts'
import type { Session } from '../control/session/session.ts'

/** RFC 959 TYPE. L 8 is image (RFC 1123 section 4.1.2.1); the Telnet format is as non-print (RFC 1123 section 4.1.2.2). */
export const type: LoginCommand = {
  verbs: ['TYPE'],
  syntax: 'TYPE <SP> <type-code>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Sets the representation of data: ASCII (A) or image (I, L 8).',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  run({ configuration }, argument) {
    const code = argument.trim().toUpperCase().replace(/ +/g, ' ')
    const known = types.get(code)
    if (known === undefined) return { kind: 'reply', reply: refusal(code) }
    const isKept = known === 'ascii' && configuration.server.transfers.ascii === 'off'
    const set = isKept ? reply(200, 'The type is ascii; files go as they are.') : reply(200, `The type is ${known}.`)
    return { kind: 'reply', reply: set, session: { type: known } }
  },
}

const types = new Map<string, Session['type']>([
  ['A', 'ascii'],
  ['A N', 'ascii'],
  ['A T', 'ascii'],
  ['I', 'image'],
  ['L 8', 'image'],
])

function refusal(code: string): Reply {
  const defined = /^(?:A C|E(?: [NTC])?|L \d{1,3})$/.test(code)
  return defined ? reply(504, 'This type is not supported.') : reply(501, 'Types are A, A N, A T, I and L 8.')
}
