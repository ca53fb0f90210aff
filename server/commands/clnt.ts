import type { OpenCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** CLNT, as FileZilla and others send it: what the client is, for the log. */
export const clnt: OpenCommand = {
  verbs: ['CLNT'],
  syntax: 'CLNT <SP> <client-name>',
  rfc: 'No RFC; customary',
  summary: 'Tells what client this is.',
  argument: 'required',
  needs: 'nothing',
  features: () => ['CLNT'],
  run: (_context, client) => ({
    kind: 'reply',
    reply: reply(200, 'Noted.'),
    session: { client: client.slice(0, 128) },
  }),
}
