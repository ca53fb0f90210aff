import type { LoginCommand } from '../../control/command.ts'
import { removeTree } from '../remove-tree.ts'

/** SITE RMDIR, as ProFTPD's mod_site_misc has it. */
export const siteRmdir: LoginCommand = {
  verbs: ['RMDIR'],
  syntax: 'SITE RMDIR <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Removes a directory with all that is in it.',
  argument: 'required',
  needs: 'rmdir',
  needsAlso: ['delete'],
  features: () => ['SITE RMDIR'],
  run: removeTree,
}
