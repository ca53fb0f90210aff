import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'

/** RFC 1639 LPRT and LPSV, the forerunners of EPRT and EPSV. */
export const lprt: LoginCommand = {
  verbs: ['LPRT', 'LPSV'],
  syntax: 'LPRT <SP> <long-host-port>',
  rfc: 'RFC 1639',
  summary: 'Superseded by EPRT and EPSV.',
  argument: 'optional',
  needs: 'login',
  offered: () => false,
  run: () => ({ kind: 'reply', reply: reply(521, 'Superseded: use EPRT or EPSV.') }),
}
