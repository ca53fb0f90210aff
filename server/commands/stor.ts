import type { LoginCommand } from '../control/command.ts'
import { resolvePath } from '../storage/path.ts'
import { receiveFile, restartOf } from './receive-file.ts'

/** RFC 959 STOR: receives a file, from the offset that REST set (RFC 3659 section 5.3). */
export const stor: LoginCommand = {
  verbs: ['STOR'],
  syntax: 'STOR <SP> <pathname>',
  rfc: 'RFC 959 section 4.1.3',
  summary: 'Uploads a file.',
  argument: 'required',
  needs: ['upload', 'append'],
  transfers: true,
  restarts: true,
  run: ({ session, storage, configuration }, argument) =>
    receiveFile(
      { session, storage, configuration },
      resolvePath(session.cwd, argument),
      restartOf({ session }) ?? { kind: 'replace' },
    ),
}
