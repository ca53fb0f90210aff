import { placeOf, welcomeAt } from '../config/hosts.ts'
import type { AuthenticationResult, Context, Outcome } from '../control/command.ts'
import { replyWithText } from '../control/message-text.ts'
import { type Reply, reply } from '../control/reply.ts'
import type { LoggedIn } from '../control/session/session.ts'

type Where = Pick<Context, 'session' | 'configuration'>

/** What PASS and ACCT answer, and what becomes of the login. */
export function loginOutcome(result: AuthenticationResult, where: Where, name: string): Outcome {
  const { session } = where
  if (result.accepted === 'in-part') {
    const login = { state: 'awaiting-code', name, user: result.user } as const
    return { kind: 'reply', reply: reply(332, 'Code required: use ACCT.'), session: { login } }
  }
  if (result.accepted) {
    return {
      kind: 'reply',
      reply: welcoming(reply(230, 'Logged in.'), result.login, where),
      session: { login: result.login, cwd: '/', failedLogins: 0 },
    }
  }
  const failed = { login: { state: 'awaiting-user' }, failedLogins: session.failedLogins + 1 } as const
  return { kind: 'reply', reply: result.reply, session: failed, ...(result.close ? { then: 'close' as const } : {}) }
}

/** The reply with the text for the user before its line, where there is one. */
export function welcoming(answer: Reply, { user }: LoggedIn, { session, configuration }: Where): Reply {
  const welcome = welcomeAt(placeOf(session, configuration), user, configuration)
  return welcome === undefined ? answer : replyWithText(answer.code, welcome, answer.lines[0])
}
