import type { OpenCommand } from '../control/command.ts'
import { usable } from '../control/gates.ts'
import { reply } from '../control/reply.ts'
import { siteCommands } from './site.ts'

/** RFC 2389 FEAT: what this session may use, and nothing else. */
export const feat: OpenCommand = {
  verbs: ['FEAT'],
  syntax: 'FEAT',
  rfc: 'RFC 2389 section 3',
  summary: 'Lists the extensions that this session may use.',
  argument: 'none',
  needs: 'nothing',
  // RFC 2640 section 3.2 and RFC 3659 section 6: properties of path names, which no command stands for.
  features: () => ['UTF8', 'TVFS'],
  run(context) {
    const commands = [...context.commands, ...siteCommands].filter(command => usable(command, context))
    const features = commands.flatMap(({ features: lines }) => lines?.(context) ?? [])
    return { kind: 'reply', reply: reply(211, 'Extensions supported:', ...features.map(line => ` ${line}`), 'End.') }
  },
}
