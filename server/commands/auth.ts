import type { OpenCommand } from '../control/command.ts'
import { type Reply, reply } from '../control/reply.ts'
import type { Session } from '../control/session/session.ts'

/** RFC 4217 AUTH TLS. TLS-C, TLS-P and SSL are older names for the same; the last two imply PROT P. */
export const auth: OpenCommand = {
  verbs: ['AUTH'],
  syntax: 'AUTH <SP> <mechanism-name>',
  rfc: 'RFC 4217 section 4',
  summary: 'Starts TLS on the control connection.',
  argument: 'required',
  needs: 'nothing',
  offered: ({ session }) => refusal(session) === undefined,
  features: () => ['AUTH TLS'],
  run({ session }, argument) {
    const mechanism = argument.trim().toUpperCase()
    if (!/^(?:TLS|TLS-C|TLS-P|SSL)$/.test(mechanism))
      return { kind: 'reply', reply: reply(504, 'The mechanism is not supported: use TLS.') }
    const refused = refusal(session)
    if (refused !== undefined) return { kind: 'reply', reply: refused }
    const implied = mechanism === 'TLS-P' || mechanism === 'SSL' ? ({ dataProtection: 'private' } as const) : {}
    return { kind: 'reply', reply: reply(234, 'Ready for the TLS handshake.'), session: implied, then: 'start-tls' }
  },
}

function refusal({ listener, protection }: Session): Reply | undefined {
  if (listener.tls === 'disabled') return reply(534, 'TLS is disabled on this port.')
  if (protection === 'tls') return reply(534, 'TLS is in use already.')
  if (protection === 'cleared') return reply(534, 'TLS was given up by CCC.')
  return undefined
}
