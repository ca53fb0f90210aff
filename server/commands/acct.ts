import type { OpenCommand } from '../control/command.ts'
import { needsTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'
import { loginOutcome } from './login-outcome.ts'

/** RFC 959 ACCT: users have no accounts beside their names; it is for the one-time code that PASS has asked for with 332. */
export const acct: OpenCommand = {
  verbs: ['ACCT'],
  syntax: 'ACCT <SP> <account-information>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Gives the one-time code of a user who needs one; superfluous for all others.',
  argument: 'required',
  needs: 'nothing',
  async run({ session, configuration, authenticate }, code) {
    const { login } = session
    if (login.state !== 'awaiting-code')
      return { kind: 'reply', reply: reply(202, 'Superfluous: there are no accounts.') }
    if (needsTls(session)) return { kind: 'reply', reply: reply(530, 'TLS is required: use AUTH TLS first.') }
    return loginOutcome(await authenticate(login.name, code.trim(), login.user), { session, configuration }, login.name)
  },
}
