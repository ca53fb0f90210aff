import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { effectiveType } from '../control/session/representation.ts'
import { resolvePath } from '../storage/path.ts'
import { StorageError } from '../storage/storage.ts'

/**
 * RFC 3659 section 4 SIZE: how many bytes RETR would send; to who may go on with an upload that broke off, how many of it are
 * there, which is what clients ask for then. Not known without reading the file when the type is ASCII.
 */
export const size: LoginCommand = {
  verbs: ['SIZE'],
  syntax: 'SIZE <SP> <pathname>',
  rfc: 'RFC 3659 section 4',
  summary: 'Tells the size of a file in bytes.',
  argument: 'required',
  needs: 'anything',
  keepsRestart: true,
  features: () => ['SIZE'],
  async run({ session, storage, configuration }, argument) {
    if (effectiveType(session, configuration) === 'ascii')
      // FluentFTP looks for these words, to ask again in TYPE I; otherwise it would not go on with an upload.
      return { kind: 'reply', reply: reply(550, 'SIZE is not allowed in ASCII mode: use TYPE I.') }
    const entry = await storage.statForResume(resolvePath(session.cwd, argument))
    if (entry.type !== 'file') throw new StorageError('not-a-file')
    return { kind: 'reply', reply: reply(213, String(entry.size)) }
  },
}
