import type { LoginCommand } from '../control/command.ts'
import { removeTree } from './remove-tree.ts'

/** RMDA, as Serv-U has it: removes a directory with all that is in it. */
export const rmda: LoginCommand = {
  verbs: ['RMDA'],
  syntax: 'RMDA <SP> <pathname>',
  rfc: 'No RFC; customary',
  summary: 'Removes a directory with all that is in it.',
  argument: 'required',
  needs: 'rmdir',
  needsAlso: ['delete'],
  features: () => ['RMDA'],
  run: removeTree,
}
