import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { resolvePath } from '../../storage/path.ts'
import { copyWhileWaiting } from './copy-file.ts'

/** SITE CPTO: copies what SITE CPFR named just before. */
export const siteCpto: LoginCommand = {
  verbs: ['CPTO'],
  syntax: 'SITE CPTO <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Copies what SITE CPFR named.',
  argument: 'required',
  needs: 'upload',
  needsAlso: ['download'],
  features: () => ['SITE CPTO'],
  async run(context, argument) {
    const { copyFrom, cwd } = context.session
    if (copyFrom === undefined) return { kind: 'reply', reply: reply(503, 'Use SITE CPFR first.') }
    return await copyWhileWaiting(context, copyFrom, resolvePath(cwd, argument))
  },
}
