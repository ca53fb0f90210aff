import type { OpenCommand } from '../control/command.ts'
import { needsTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 USER: begins a login, at any time. The answer is the same for every name (RFC 2577 section 7). */
export const user: OpenCommand = {
  verbs: ['USER'],
  syntax: 'USER <SP> <username>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Names the user who logs in.',
  argument: 'required',
  needs: 'nothing',
  async run({ session, certificateLogin }, name) {
    if (needsTls(session)) return { kind: 'reply', reply: reply(530, 'TLS is required: use AUTH TLS first.') }
    const login = await certificateLogin(name)
    // RFC 4217 section 12.2: the certificate suffices.
    if (login !== undefined)
      return { kind: 'reply', reply: reply(232, 'Logged in by certificate.'), session: { login, cwd: '/' } }
    return {
      kind: 'reply',
      reply: reply(331, 'Password required.'),
      session: { login: { state: 'awaiting-password', name } },
    }
  },
}
