import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { resolvePath } from '../storage/path.ts'
import { StorageError } from '../storage/storage.ts'

/** AVBL of the Internet-Draft draft-peterson-streamlined-ftp-command-extensions: how many bytes could be uploaded to a directory, by volume and quotas. */
export const avbl: LoginCommand = {
  verbs: ['AVBL'],
  syntax: 'AVBL [<SP> <pathname>]',
  rfc: 'draft-peterson-streamlined-ftp-command-extensions',
  summary: 'Tells how many bytes there is room for in a directory.',
  argument: 'optional',
  needs: 'anything',
  features: () => ['AVBL'],
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    if ((await storage.stat(path)).type !== 'directory') throw new StorageError('not-a-directory')
    const { bytes } = await storage.room(path)
    return { kind: 'reply', reply: reply(213, String(Math.floor(bytes))) }
  },
}
