import type { LoginCommand } from '../control/command.ts'
import { usable } from '../control/gates.ts'
import { reply, storageReply } from '../control/reply.ts'

/** PRET, as drftpd and Pure-FTPd have it: says before PASV what the data connection is for. Here it makes no difference. */
export const pret: LoginCommand = {
  verbs: ['PRET'],
  syntax: 'PRET <SP> <command> [<SP> <argument>]',
  rfc: 'No RFC; customary',
  summary: 'Announces what the next data connection is for.',
  argument: 'required',
  needs: ['list', 'download', 'upload', 'append'],
  keepsRestart: true,
  features: () => ['PRET'],
  run(context, argument) {
    const [, verb = ''] = /^(\S+)/.exec(argument) ?? []
    const announced = context.commands.find(({ verbs }) => verbs.includes(verb.toUpperCase()))
    if (announced?.transfers !== true) {
      return { kind: 'reply', reply: reply(501, 'That command has no data connection.') }
    }
    if (!usable(announced, context)) return { kind: 'reply', reply: storageReply('forbidden') }
    return { kind: 'reply', reply: reply(200, 'Ready for PASV or EPSV.') }
  },
}
