import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'
import { checksumTask } from './checksum-task.ts'
import { takeName } from './quoted-name.ts'

/** MD5 of the Internet-Draft draft-twine-ftpmd5. */
export const md5: LoginCommand = {
  verbs: ['MD5'],
  syntax: 'MD5 <SP> <pathname>',
  rfc: 'draft-twine-ftpmd5',
  summary: 'Tells the MD5 checksum of a file.',
  argument: 'required',
  needs: 'download',
  features: () => ['MD5'],
  async run(context, argument) {
    return await checksumTask(context, {
      path: resolvePath(context.session.cwd, takeName(argument)),
      algorithm: 'MD5',
      start: 0,
      beyond: 'take-less',
      answer: hex => reply(251, `${argument} ${hex.toUpperCase()}`),
    })
  },
}
