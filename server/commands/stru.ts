import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import type { Session } from '../control/session/session.ts'

/** RFC 959 STRU: files have no inner structure, or records, which are their lines. */
export const stru: LoginCommand = {
  verbs: ['STRU'],
  syntax: 'STRU <SP> <structure-code>',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Sets the structure of files: file (F) or record (R).',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  run(_context, argument) {
    const code = argument.trim().toUpperCase()
    const chosen = structures.get(code)
    if (chosen !== undefined)
      return { kind: 'reply', reply: reply(200, `The structure is ${chosen}.`), session: { structure: chosen } }
    if (code === 'P') return { kind: 'reply', reply: reply(504, 'The page structure is not supported.') }
    return { kind: 'reply', reply: reply(501, 'Structures are F, R and P.') }
  },
}

const structures = new Map<string, Session['structure']>([
  ['F', 'file'],
  ['R', 'record'],
])
