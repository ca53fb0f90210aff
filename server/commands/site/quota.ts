import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { resolvePath } from '../../storage/path.ts'
import type { QuotaState } from '../../storage/storage.ts'

/** SITE QUOTA, as ProFTPD's mod_quotatab has it: what is used of the quotas that hold in a directory. */
export const siteQuota: LoginCommand = {
  verbs: ['QUOTA'],
  syntax: 'SITE QUOTA [<SP> <directory>]',
  rfc: 'No RFC; customary',
  summary: 'Tells what is used of the quotas.',
  argument: 'optional',
  needs: 'anything',
  features: () => ['SITE QUOTA'],
  async run({ session, storage }, argument) {
    const path = resolvePath(session.cwd, argument)
    await storage.stat(path)
    const { quotas } = await storage.room(path)
    if (quotas.length === 0) return { kind: 'reply', reply: reply(200, 'There are no quotas.') }
    return { kind: 'reply', reply: reply(200, 'Quotas:', ...quotas.map(line), 'End of quotas.') }
  },
}

function line({ directory = 'above /', bytes, files }: QuotaState): string {
  return ` ${directory}: ${bytes.used} of ${bytes.limit ?? 'any'} bytes, ${files.used} of ${files.limit ?? 'any'} files`
}
