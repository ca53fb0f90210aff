import { allowsSomewhere } from '../auth/permissions.ts'
import type { Context, LoginCommand } from '../control/command.ts'
import { changeFacts } from './change-facts.ts'
import { parseNewFacts } from './new-facts.ts'

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
    const parsed = parseNewFacts(argument)
    return 'refusal' in parsed
      ? { kind: 'reply', reply: parsed.refusal }
      : await changeFacts(context, parsed.facts, parsed.name)
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
