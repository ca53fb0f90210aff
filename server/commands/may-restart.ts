/** What FEAT goes by for REST and RANG. */
import { allowsSomewhere } from '../auth/permissions.ts'
import type { Context } from '../control/command.ts'

/**
 * Whether the user may do anything that could begin elsewhere than at the beginning; before login nobody knows. The commands themselves are
 * taken nevertheless: after a refusal, an upload that a client has sent along would begin at the beginning, and take what is there away.
 */
export function mayRestart({ session: { login } }: Pick<Context, 'session'>): boolean {
  if (login.state !== 'logged-in') return true
  return allowsSomewhere(login.user, 'download') || allowsSomewhere(login.user, 'append')
}
