import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'
import { StorageError } from '../storage/storage.ts'
import { sizeBelow } from '../storage/tree-size.ts'

/** DSIZ of the Internet-Draft draft-peterson-streamlined-ftp-command-extensions: how large all files in a directory are, and below it. */
export const dsiz: LoginCommand = {
  verbs: ['DSIZ'],
  syntax: 'DSIZ [<SP> <pathname>]',
  rfc: 'draft-peterson-streamlined-ftp-command-extensions',
  summary: 'Tells the size in bytes of all that is in a directory.',
  argument: 'optional',
  needs: 'list',
  features: () => ['DSIZ'],
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    storage.demand([{ permission: 'list', path, reach: 'all' }])
    if ((await storage.stat(path)).type !== 'directory') throw new StorageError('not-a-directory')
    return {
      kind: 'task',
      task: {
        path,
        run: async (signal, progress) => reply(213, String(await sizeBelow(storage, path, { signal, progress }))),
      },
    }
  },
}
