import type { Command, LoginCommand, Outcome } from '../control/command.ts'
import { shutGate, usable } from '../control/gates.ts'
import { reply } from '../control/reply.ts'
import { siteChmod } from './site/chmod.ts'
import { siteCopy } from './site/copy.ts'
import { siteCpfr } from './site/cpfr.ts'
import { siteCpto } from './site/cpto.ts'
import { siteIdle } from './site/idle.ts'
import { siteMkdir } from './site/mkdir.ts'
import { siteQuota } from './site/quota.ts'
import { siteRmdir } from './site/rmdir.ts'
import { siteSymlink } from './site/symlink.ts'
import { siteUmask } from './site/umask.ts'
import { siteUtime } from './site/utime.ts'
import { siteWho } from './site/who.ts'

const siteHelp: LoginCommand = {
  verbs: ['HELP'],
  syntax: 'SITE HELP',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Lists the SITE commands.',
  argument: 'optional',
  needs: 'login',
  run(context): Outcome {
    const lines = siteCommands.filter(command => usable(command, context)).map(({ syntax }) => ` ${syntax}`)
    return { kind: 'reply', reply: reply(214, 'These SITE commands are recognized:', ...lines, 'End of help.') }
  },
}

/** What SITE can do: commands of their own, beside the standard (RFC 1123 section 4.1.2.8). */
export const siteCommands: readonly LoginCommand[] = [
  ...[siteChmod, siteUmask, siteUtime, siteMkdir, siteRmdir, siteSymlink, siteCpfr, siteCpto, siteCopy],
  ...[siteQuota, siteIdle, siteWho, siteHelp],
]

/** The SITE command of that name in upper case. */
export function siteCommand(name: string): LoginCommand | undefined {
  return siteCommands.find(({ verbs }) => verbs.includes(name))
}

/** RFC 959 SITE: finds the command in a table of its own and passes it through the same gates. */
export const site: LoginCommand = {
  verbs: ['SITE'],
  syntax: 'SITE <SP> <string>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Runs a command of this server: SITE HELP lists them.',
  argument: 'required',
  needs: 'login',
  run(context, argument) {
    const [, name = '', rest = ''] = /^(\S+) ?(.*)$/s.exec(argument.trimStart()) ?? []
    const command: Command | undefined = siteCommand(name.toUpperCase())
    if (command === undefined)
      return { kind: 'reply', reply: reply(504, 'There is no such SITE command: use SITE HELP.') }
    const shut = shutGate(command, rest, context)
    return shut === undefined ? command.run(context, rest) : { kind: 'reply', reply: shut }
  },
}
