import type { OpenCommand } from '../control/command.ts'
import { mayHaveTls, needsPrivateData } from '../control/gates.ts'
import { type Reply, reply } from '../control/reply.ts'
import type { Session } from '../control/session/session.ts'

/** RFC 4217 section 9 PROT: whether data connections use TLS. Legal at any time after PBSZ; the transfer command checks it. */
export const prot: OpenCommand = {
  verbs: ['PROT'],
  syntax: 'PROT <SP> <prot-code>',
  rfc: 'RFC 4217 section 9',
  summary: 'Sets the protection of data connections: clear (C) or private (P).',
  argument: 'required',
  needs: 'nothing',
  keepsRestart: true,
  offered: ({ session }) => mayHaveTls(session),
  features: () => ['PROT'],
  run({ session }, argument) {
    const level = levels.get(argument.trim().toUpperCase())
    const refused = refusal(session, level)
    if (refused !== undefined || level === undefined || level === 'unsupported') {
      return { kind: 'reply', reply: refused ?? unknownLevel }
    }
    return { kind: 'reply', reply: reply(200, `Data connections are ${level}.`), session: { dataProtection: level } }
  },
}

const levels = new Map<string, 'clear' | 'private' | 'unsupported'>([
  ['C', 'clear'],
  ['P', 'private'],
  ['S', 'unsupported'],
  ['E', 'unsupported'],
])

const unknownLevel = reply(504, 'Protection levels are C and P.')

function refusal(session: Session, level: 'clear' | 'private' | 'unsupported' | undefined): Reply | undefined {
  if (session.protection !== 'tls') return reply(503, 'Use AUTH TLS first.')
  if (!session.protectionBufferSet) return reply(503, 'Use PBSZ 0 first.')
  if (level === undefined) return unknownLevel
  if (level === 'unsupported') return reply(536, 'TLS has no such protection level: use C or P.')
  if (level === 'clear' && needsPrivateData(session)) return reply(534, 'Data connections must be protected.')
  return undefined
}
