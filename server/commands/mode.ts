import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 MODE: data is a stream. */
export const mode: LoginCommand = {
  verbs: ['MODE'],
  syntax: 'MODE <SP> <mode-code>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Sets the transmission mode: stream (S).',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  run(_context, argument) {
    const code = argument.trim().toUpperCase()
    if (code === 'S') return { kind: 'reply', reply: reply(200, 'The mode is stream.') }
    if (/^[BCZ]$/.test(code)) return { kind: 'reply', reply: reply(504, 'Only the stream mode is supported.') }
    return { kind: 'reply', reply: reply(501, 'Modes are S, B and C.') }
  },
}
