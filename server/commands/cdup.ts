import type { LoginCommand } from '../control/command.ts'
import { parentOf } from '../storage/path.ts'
import { changeDirectory } from './change-directory.ts'

/** RFC 959 CDUP, with the synonym XCUP of RFC 775. */
export const cdup: LoginCommand = {
  verbs: ['CDUP', 'XCUP'],
  syntax: 'CDUP',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Changes to the parent of the working directory.',
  argument: 'none',
  needs: 'anything',
  run: context => changeDirectory(context, parentOf(context.session.cwd)),
}
