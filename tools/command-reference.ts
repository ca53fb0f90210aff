/** The reference of the commands, made from the table that the server itself goes by, and of what else the RFCs ask for. */
import type { Command } from '../server/control/command.ts'
import { code, escapeCell, table } from './markdown.ts'
import type { RfcRow } from './rfc-rows.ts'

export function commandsPage(
  commands: readonly Command[],
  siteCommands: readonly Command[],
  rows: readonly RfcRow[],
): string {
  return [
    '# Commands',
    'Every command the server knows, in the order of the RFCs. “Needs” says what a session must have: nothing, a login, or one of the permissions of [the configuration](configuration.md#permissions-and-roles).',
    table(head, commands.map(row)),
    '## SITE commands',
    table(head, siteCommands.map(row)),
    '## What else the RFCs ask for',
    'Properties of a server that no command stands for, in the order of the RFCs. The last column is where a test proves it.',
    table(
      ['defined in', 'what', 'how it is here', 'tested in'],
      rows.map(({ rfc, feature, answer, proof }) => [
        rfc,
        escapeCell(feature),
        escapeCell(answer),
        `[${proof.file.split('/').at(-1)}](../../${proof.file})`,
      ]),
    ),
  ].join('\n\n')
}

const head = ['command', 'synonyms', 'syntax', 'what it does', 'needs', 'defined in']

function row(command: Command): string[] {
  const { verbs, syntax, summary, rfc } = command
  const [name, ...synonyms] = verbs
  return [
    code(name),
    synonyms.map(code).join(', '),
    code(syntax),
    escapeCell(summary),
    needed(command),
    escapeCell(rfc),
  ]
}

function needed(command: Command): string {
  if (command.needs === 'nothing') return ''
  if (command.needs === 'login') return 'login'
  if (command.needs === 'anything') return 'any permission'
  return [[command.needs].flat().map(code).join(' or '), ...(command.needsAlso ?? []).map(code)].join(' and ')
}
