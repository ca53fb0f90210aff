import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { resolvePath } from '../../storage/path.ts'

/** SITE CHMOD, as most Unix servers have it. */
export const siteChmod: LoginCommand = {
  verbs: ['CHMOD'],
  syntax: 'SITE CHMOD <SP> <octal-mode> <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Changes the permission bits of a file or directory.',
  argument: 'required',
  needs: 'chmod',
  features: () => ['SITE CHMOD'],
  async run({ session, storage }, argument) {
    const [, mode, path] = /^(0?[0-7]{3}) (.+)$/s.exec(argument) ?? []
    if (mode === undefined || path === undefined) {
      return { kind: 'reply', reply: reply(501, 'The mode must be three octal digits, followed by a path.') }
    }
    await storage.setMode(resolvePath(session.cwd, path), Number.parseInt(mode, 8))
    return { kind: 'reply', reply: reply(200, 'The mode is changed.') }
  },
}
