import type { OpenCommand } from '../control/command.ts'
import { needsTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 PASS: ends a login. */
export const pass: OpenCommand = {
  verbs: ['PASS'],
  syntax: 'PASS <SP> <password>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Gives the password of the user named by USER.',
  argument: 'optional',
  needs: 'nothing',
  async run({ session, authenticate }, password) {
    if (needsTls(session)) return { kind: 'reply', reply: reply(530, 'TLS is required: use AUTH TLS first.') }
    if (session.login.state === 'logged-in')
      return { kind: 'reply', reply: reply(503, 'Already logged in: use USER to log in again.') }
    if (session.login.state === 'awaiting-user') return { kind: 'reply', reply: reply(503, 'Use USER first.') }
    const result = await authenticate(session.login.name, password)
    if (result.accepted) {
      return {
        kind: 'reply',
        reply: reply(230, 'Logged in.'),
        session: { login: result.login, cwd: '/', failedLogins: 0 },
      }
    }
    const failed = { login: { state: 'awaiting-user' }, failedLogins: session.failedLogins + 1 } as const
    return { kind: 'reply', reply: result.reply, session: failed, ...(result.close ? { then: 'close' as const } : {}) }
  },
}
