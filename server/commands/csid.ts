import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** CSID of the Internet-Draft draft-peterson-streamlined-ftp-command-extensions: client and server tell each other what they are. No version: whoever looks for old ones is not helped. */
export const csid: OpenCommand = {
  verbs: ['CSID'],
  syntax: 'CSID <SP> <name>=<value>; [<name>=<value>;]',
  rfc: 'draft-peterson-streamlined-ftp-command-extensions',
  summary: 'Tells what client this is, and asks the same of the server.',
  argument: 'required',
  needs: 'nothing',
  features: () => ['CSID'],
  run(_context, argument) {
    if (!/^(?:[^=;]+=[^;]*;)+$/.test(`${argument.replace(/[;\s]+$/, '')};`)) {
      return { kind: 'reply', reply: reply(501, 'What is told must be name=value; and so on.') }
    }
    return {
      kind: 'reply',
      reply: reply(200, 'Name=ftp-operator;CaseSensitive=1;DirSep=/;'),
      session: { client: argument.slice(0, 128) },
    }
  },
}
