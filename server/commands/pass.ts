import { after } from '../at-once.ts'
import type { OpenCommand } from '../control/command.ts'
import { needsTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'
import { loginOutcome } from './login-outcome.ts'

/** RFC 959 PASS: ends a login, but for users who need a one-time code as well and have not put it behind the password. */
export const pass: OpenCommand = {
  verbs: ['PASS'],
  syntax: 'PASS <SP> <password>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Gives the password of the user named by USER.',
  argument: 'optional',
  needs: 'nothing',
  run({ session, configuration, authenticate }, password) {
    if (needsTls(session)) return { kind: 'reply', reply: reply(530, 'TLS is required: use AUTH TLS first.') }
    if (session.login.state === 'logged-in')
      return { kind: 'reply', reply: reply(503, 'Already logged in: use USER to log in again.') }
    if (session.login.state !== 'awaiting-password') return { kind: 'reply', reply: reply(503, 'Use USER first.') }
    const { name } = session.login
    return after(authenticate(name, password), result => loginOutcome(result, { session, configuration }, name))
  },
}
