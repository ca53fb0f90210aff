import type { LoginCommand } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { parseExtendedPort } from '../data/address.ts'
import { mayTarget, setTarget } from './set-target.ts'

/** RFC 2428 EPRT: the client listens for data at an IPv4 or IPv6 address. */
export const eprt: LoginCommand = {
  verbs: ['EPRT'],
  syntax: 'EPRT <SP> <d> <net-prt> <d> <net-addr> <d> <tcp-port> <d>',
  rfc: 'RFC 2428 section 2',
  summary: 'Names the address and port that the next data connection goes to.',
  argument: 'required',
  needs: 'login',
  keepsRestart: true,
  offered: mayTarget,
  features: () => ['EPRT'],
  run(context, argument) {
    const target = parseExtendedPort(argument)
    if (target === 'wrong-family')
      return { kind: 'reply', reply: reply(522, 'The network protocol is not supported, use (1,2)') }
    return setTarget(context, target)
  },
}
