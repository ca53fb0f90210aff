import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 ALLO: nothing needs to be reserved, but more than a quota leaves is refused. 200 and not 202, which some cameras take for a refusal. */
export const allo: LoginCommand = {
  verbs: ['ALLO'],
  syntax: 'ALLO <SP> <decimal-integer> [<SP> R <SP> <decimal-integer>]',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Announces the size of an upload.',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  async run({ session, storage }, argument) {
    const [, size] = /^(\d{1,20})(?: R \d{1,20})?$/i.exec(argument.trim()) ?? []
    if (size === undefined) return { kind: 'reply', reply: reply(501, 'The size must be a number of bytes.') }
    await storage.checkRoom(session.cwd, Math.min(Number(size), Number.MAX_SAFE_INTEGER))
    return { kind: 'reply', reply: reply(200, 'No reservation is needed.') }
  },
}
