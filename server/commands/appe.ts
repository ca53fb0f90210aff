import type { LoginCommand } from '../control/command.ts'
import { resolvePath } from '../storage/path.ts'
import { receiveFile, restartOf } from './receive-file.ts'

/** RFC 959 APPE: receives data for the end of a file. After REST it is STOR (RFC 3659 section 5.3). */
export const appe: LoginCommand = {
  verbs: ['APPE'],
  syntax: 'APPE <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Uploads to the end of a file.',
  argument: 'required',
  needs: ['append', 'upload'],
  transfers: true,
  restarts: true,
  run: ({ session, storage, configuration }, argument) =>
    receiveFile(
      { session, storage, configuration },
      resolvePath(session.cwd, argument),
      restartOf({ session }) ?? { kind: 'append' },
    ),
}
