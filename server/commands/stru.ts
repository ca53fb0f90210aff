import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 STRU: files have no inner structure. */
export const stru: LoginCommand = {
  verbs: ['STRU'],
  syntax: 'STRU <SP> <structure-code>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Sets the structure of files: file (F).',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  run(_context, argument) {
    const code = argument.trim().toUpperCase()
    if (code === 'F') return { kind: 'reply', reply: reply(200, 'The structure is file.') }
    if (code === 'R' || code === 'P')
      return { kind: 'reply', reply: reply(504, 'Only the file structure is supported.') }
    return { kind: 'reply', reply: reply(501, 'Structures are F, R and P.') }
  },
}
