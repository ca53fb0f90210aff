import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { resolvePath } from '../../storage/path.ts'
import { StorageError } from '../../storage/storage.ts'

/** SITE CPFR, as ProFTPD's mod_copy has it: names the file or directory that the very next command, SITE CPTO, copies. */
export const siteCpfr: LoginCommand = {
  verbs: ['CPFR'],
  syntax: 'SITE CPFR <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Names the file or directory to copy.',
  argument: 'required',
  needs: 'download',
  // Without it there would be nothing to copy to.
  needsAlso: ['upload'],
  features: () => ['SITE CPFR'],
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    storage.demand([{ permission: 'download', path }])
    if ((await storage.stat(path)).type === 'other') throw new StorageError('not-a-file')
    return { kind: 'reply', reply: reply(350, 'Ready for SITE CPTO.'), session: { copyFrom: path } }
  },
}
