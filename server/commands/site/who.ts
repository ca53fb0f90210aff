import type { LoggedInContext, LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'

/** SITE WHO, as ProFTPD's and Apache's servers have it: the sessions of all processes, for who has the permission. */
export const siteWho: LoginCommand = {
  verbs: ['WHO'],
  syntax: 'SITE WHO',
  rfc: 'No RFC; customary',
  summary: 'Lists who is connected, and what they transfer.',
  argument: 'none',
  needs: 'who',
  features: () => ['SITE WHO'],
  async run({ who }) {
    const sessions = await who()
    if (sessions === undefined) return { kind: 'reply', reply: reply(450, 'The list is not available; try later.') }
    return { kind: 'reply', reply: reply(200, 'Sessions:', ...sessions.map(line), 'End of sessions.') }
  },
}

type Listed = NonNullable<Awaited<ReturnType<LoggedInContext['who']>>>[number]

function line({ user = 'nobody yet', peer, since, transfer }: Listed): string {
  const doing = transfer === undefined ? 'no transfer' : `${transfer.verb} ${transfer.path}, ${transfer.bytes} bytes`
  return ` ${user} from ${peer} since ${since}: ${doing}`
}
