import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** PRET, as drftpd and Pure-FTPd have it: says before PASV what the data connection is for. Here it makes no difference. */
export const pret: LoginCommand = {
  verbs: ['PRET'],
  syntax: 'PRET <SP> <command> [<SP> <argument>]',
  rfc: 'No RFC; customary',
  summary: 'Announces what the next data connection is for.',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  features: () => ['PRET'],
  run({ commands }, argument) {
    const [, verb = ''] = /^(\S+)/.exec(argument) ?? []
    const announced = commands.find(({ verbs }) => verbs.includes(verb.toUpperCase()))
    if (announced?.transfers !== true) {
      return { kind: 'reply', reply: reply(501, 'That command has no data connection.') }
    }
    return { kind: 'reply', reply: reply(200, 'Ready for PASV or EPSV.') }
  },
}
