import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 959 ACCT: users have no accounts beside their names, so it is superfluous. */
export const acct: OpenCommand = {
  verbs: ['ACCT'],
  syntax: 'ACCT <SP> <account-information>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Names an account; superfluous here.',
  argument: 'required',
  needs: 'nothing',
  run: () => ({ kind: 'reply', reply: reply(202, 'Superfluous: there are no accounts.') }),
}
