import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { resolvePath } from '../../storage/path.ts'
import { takeNames } from '../quoted-name.ts'
import { copyWhileWaiting } from './copy-file.ts'

/** SITE COPY, as ProFTPD's mod_copy has it: both names in one line. */
export const siteCopy: LoginCommand = {
  verbs: ['COPY'],
  syntax: 'SITE COPY <SP> <pathname> <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Copies a file, or a directory with all that is in it.',
  argument: 'required',
  needs: 'upload',
  needsAlso: ['download'],
  features: () => ['SITE COPY'],
  async run(context, argument) {
    const [from, to, ...more] = takeNames(argument) ?? []
    if (from === undefined || to === undefined || more.length > 0) {
      return { kind: 'reply', reply: reply(501, 'Two names are needed, in quotes where they have spaces.') }
    }
    const { cwd } = context.session
    return await copyWhileWaiting(context, resolvePath(cwd, from), resolvePath(cwd, to))
  },
}
