/** What REST makes of its argument, as a session would see it. */
import { rest } from '../../server/commands/rest.ts'
import type { LoggedInContext } from '../../server/control/command.ts'

/** The offset, or undefined if the argument is refused. */
export function offsetOf(argument: string): number | undefined {
  // All that REST looks at.
  const context = {
    session: { type: 'image', mode: 'stream' },
    configuration: { server: { transfers: {} } },
  } as unknown as LoggedInContext
  if (rest.needs !== 'login') throw new Error('REST needs a login.')
  const outcome = rest.run(context, argument)
  if (outcome instanceof Promise || outcome.kind !== 'reply') throw new Error('REST answers at once.')
  return outcome.reply.code === 350 ? outcome.session?.restartOffset : undefined
}
