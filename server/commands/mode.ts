import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import type { Session } from '../control/session/session.ts'

/** RFC 959 MODE: data is a stream, in blocks, or compressed by runs; draft-preston-ftpext-deflate: deflated. */
export const mode: LoginCommand = {
  verbs: ['MODE'],
  syntax: 'MODE <SP> <mode-code>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Sets the transmission mode: stream (S), block (B), compressed (C) or deflate (Z).',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  features: ({ configuration }) => (configuration.server.transfers.deflate.enabled ? ['MODE Z'] : []),
  run({ configuration }, argument) {
    const chosen = modes.get(argument.trim().toUpperCase())
    if (chosen === undefined) return { kind: 'reply', reply: reply(501, 'Modes are S, B, C and Z.') }
    if (chosen === 'deflate' && !configuration.server.transfers.deflate.enabled)
      return { kind: 'reply', reply: reply(504, 'MODE Z is switched off.') }
    return { kind: 'reply', reply: reply(200, `The mode is ${chosen}.`), session: { mode: chosen } }
  },
}

const modes = new Map<string, Session['mode']>([
  ['S', 'stream'],
  ['B', 'block'],
  ['C', 'compressed'],
  ['Z', 'deflate'],
])
