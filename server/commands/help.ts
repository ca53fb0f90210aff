import type { Context, OpenCommand } from '../control/command.ts'
import { usable } from '../control/gates.ts'
import { type Reply, reply } from '../control/reply.ts'
import { siteCommand } from './site.ts'

/** RFC 959 HELP: all commands that this session may use, or the syntax of one. */
export const help: OpenCommand = {
  verbs: ['HELP'],
  syntax: 'HELP [<SP> <string>]',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Lists the commands, or tells the syntax of one.',
  argument: 'optional',
  needs: 'nothing',
  run: (context, argument) => ({
    kind: 'reply',
    reply: argument === '' ? allCommands(context) : oneCommand(context, argument),
  }),
}

function allCommands(context: Context): Reply {
  const verbs = context.commands.filter(command => usable(command, context)).flatMap(command => command.verbs)
  const lines: string[] = []
  for (let start = 0; start < verbs.length; start += 8) {
    const row = verbs.slice(start, start + 8).map(verb => verb.padEnd(6))
    lines.push(` ${row.join(' ').trimEnd()}`)
  }
  return reply(214, 'These commands are recognized:', ...lines, 'HELP with a command tells its syntax.')
}

function oneCommand({ commands }: Context, argument: string): Reply {
  const [verb = '', subcommand = ''] = argument.trim().toUpperCase().split(/ +/)
  const command =
    verb === 'SITE' && subcommand !== '' ? siteCommand(subcommand) : commands.find(({ verbs }) => verbs.includes(verb))
  if (command === undefined) return reply(502, 'There is no such command.')
  return reply(214, `Syntax: ${command.syntax}`, ` ${command.summary}`, `${command.rfc}.`)
}
