import type { LoginCommand } from '../control/command.ts'
import { resolvePath } from '../storage/path.ts'
import { changeDirectory } from './change-directory.ts'

/** RFC 959 CWD, with the synonym XCWD of RFC 775. */
export const cwd: LoginCommand = {
  verbs: ['CWD', 'XCWD'],
  syntax: 'CWD <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.1',
  summary: 'Changes the working directory.',
  argument: 'required',
  needs: 'anything',
  run: (context, argument) => changeDirectory(context, resolvePath(context.session.cwd, argument)),
}
