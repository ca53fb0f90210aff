/** What counts as an error of a client that has not logged in: who means another protocol, or looks for a way around the login, gets few tries. */
import type { Outcome } from './command.ts'
import { reply } from './reply.ts'
import type { Ending } from './session/ending.ts'

/** Refused passwords are counted by themselves, and cost more. */
export function isError(outcome: Outcome): boolean {
  if (outcome.kind !== 'reply' || outcome.then !== undefined) return false
  return outcome.reply.code >= 500 && outcome.session?.failedLogins === undefined
}

export const tooManyErrors: Ending = {
  answer: reply(421, 'Too many errors: closing.'),
  reason: 'too many errors before login',
  offence: 'errors-before-login',
}
