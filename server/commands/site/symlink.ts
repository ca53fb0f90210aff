import type { LoginCommand } from '../../control/command.ts'
import { reply } from '../../control/reply.ts'
import { parentOf, resolvePath } from '../../storage/path.ts'
import { takeNames } from '../quoted-name.ts'

/** SITE SYMLINK, as ProFTPD's mod_site_misc has it: a link to what is there, and never to what is outside. */
export const siteSymlink: LoginCommand = {
  verbs: ['SYMLINK'],
  syntax: 'SITE SYMLINK <SP> <target> <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Makes a symbolic link to a file or directory.',
  argument: 'required',
  needs: 'symlink',
  offered: ({ configuration }) => configuration.server.storage.symlinks.policy !== 'deny',
  features: () => ['SITE SYMLINK'],
  async run({ session, storage }, argument) {
    const [target, name, ...more] = takeNames(argument) ?? []
    if (target === undefined || name === undefined || more.length > 0) {
      return { kind: 'reply', reply: reply(501, 'A target and a name are needed, in quotes where they have spaces.') }
    }
    const path = resolvePath(session.cwd, name)
    // As in the link itself: seen from where it is.
    await storage.makeLink(path, resolvePath(parentOf(path), target))
    return { kind: 'reply', reply: reply(200, 'The link was made.') }
  },
}
