import { allowsSomewhere } from '../auth/permissions.ts'
import type { Context, LoginCommand } from '../control/command.ts'
import { type Reply, reply } from '../control/reply.ts'
import { parseTime } from '../listing/facts.ts'
import { changeFacts, type NewFacts } from './change-facts.ts'

/** MFF of the Internet-Draft draft-somers-ftp-mfxx: sets several facts of a file or directory at once. */
export const mff: LoginCommand = {
  verbs: ['MFF'],
  syntax: 'MFF <SP> <fact>=<value>; [<fact>=<value>;] <SP> <pathname>',
  rfc: 'draft-somers-ftp-mfxx',
  summary: 'Sets facts of a file or directory: modify, UNIX.mode.',
  argument: 'required',
  needs: ['mtime', 'chmod'],
  features: context => [`MFF ${changeable(context).join('')}`],
  async run(context, argument) {
    const [, written = '', name] = /^((?:[^=; ]+=[^=; ]+;)+) (.+)$/s.exec(argument) ?? []
    if (name === undefined) return { kind: 'reply', reply: reply(501, 'Facts must each end with a semicolon.') }
    const facts = parseFacts(written)
    return 'code' in facts ? { kind: 'reply', reply: facts } : await changeFacts(context, facts, name)
  },
}

/** FEAT lists the facts that this user may change somewhere. */
function changeable({ session: { login } }: Context): readonly string[] {
  if (login.state !== 'logged-in') return ['Modify;', 'UNIX.mode;']
  return [
    ...(allowsSomewhere(login.user, 'mtime') ? ['Modify;'] : []),
    ...(allowsSomewhere(login.user, 'chmod') ? ['UNIX.mode;'] : []),
  ]
}

function parseFacts(written: string): NewFacts | Reply {
  const facts: { modified?: number; mode?: number } = {}
  for (const assignment of written.split(';').slice(0, -1)) {
    const [fact = '', value = ''] = assignment.split('=')
    const key = keys.get(fact.toLowerCase())
    if (key === undefined) return reply(504, `The fact ${fact.slice(0, 32)} cannot be set.`)
    if (facts[key] !== undefined) return reply(501, `The fact ${fact} is there twice.`)
    const parsed = key === 'modified' ? parseTime(value) : parseMode(value)
    if (parsed === undefined) return reply(501, `The value of ${fact} is malformed.`)
    facts[key] = parsed
  }
  return facts
}

const keys = new Map([
  ['modify', 'modified'],
  ['unix.mode', 'mode'],
] as const satisfies readonly (readonly [string, keyof NewFacts])[]) as ReadonlyMap<string, keyof NewFacts>

function parseMode(value: string): number | undefined {
  return /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined
}
