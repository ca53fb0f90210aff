import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { idleTimeoutOf } from '../../control/session/ending.ts'

/** SITE IDLE, as most Unix servers have it: how long the session may be without a command. Nobody gets longer than the configuration has it. */
export const siteIdle: LoginCommand = {
  verbs: ['IDLE'],
  syntax: 'SITE IDLE [<SP> <seconds>]',
  rfc: 'No RFC; customary',
  summary: 'Tells, or shortens, how long the session may idle.',
  argument: 'optional',
  needs: 'login',
  features: () => ['SITE IDLE'],
  run({ session, configuration }, argument) {
    const longest = idleTimeoutOf({ ...session, idleTimeoutSeconds: undefined }, configuration)
    if (argument.trim() === '') {
      const now = idleTimeoutOf(session, configuration)
      return { kind: 'reply', reply: reply(200, `The idle timeout is ${now} seconds; at most ${longest}.`) }
    }
    const seconds = /^\d{1,9}$/.test(argument.trim()) ? Number(argument) : 0
    if (seconds < shortestSeconds || seconds > longest) {
      return { kind: 'reply', reply: reply(501, `The idle timeout must be ${shortestSeconds} to ${longest} seconds.`) }
    }
    return {
      kind: 'reply',
      reply: reply(200, `The idle timeout is ${seconds} seconds.`),
      session: { idleTimeoutSeconds: seconds },
    }
  },
}

const shortestSeconds = 1
