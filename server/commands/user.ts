import type { Context, OpenCommand, Outcome } from '../control/command.ts'
import { needsTls } from '../control/gates.ts'
import { reply } from '../control/reply.ts'
import { welcoming } from './login-outcome.ts'

/** RFC 959 USER: begins a login, at any time. The answer is the same for every name (RFC 2577 section 7). */
export const user: OpenCommand = {
  verbs: ['USER'],
  syntax: 'USER <SP> <username>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Names the user who logs in.',
  argument: 'required',
  needs: 'nothing',
  run(context, name) {
    const { session } = context
    if (needsTls(session)) return { kind: 'reply', reply: reply(530, 'TLS is required: use AUTH TLS first.') }
    return session.clientCertificate === undefined ? passwordRequired(name) : byCertificate(context, name)
  },
}

function passwordRequired(name: string): Outcome {
  return {
    kind: 'reply',
    reply: reply(331, 'Password required.'),
    session: { login: { state: 'awaiting-password', name } },
  }
}

/** RFC 4217 section 12.2: where the certificate suffices. */
async function byCertificate(context: Context, name: string): Promise<Outcome> {
  const login = await context.certificateLogin(name)
  if (login === undefined) return passwordRequired(name)
  const answer = welcoming(reply(232, 'Logged in by certificate.'), login, context)
  return { kind: 'reply', reply: answer, session: { login, cwd: '/' } }
}
