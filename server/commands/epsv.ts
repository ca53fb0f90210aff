import { after } from '../at-once.ts'
import type { LoginCommand, Outcome } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { type Address, addressFamily, formatExtendedPassive } from '../data/address.ts'

/** RFC 2428 EPSV: the server listens for data at the address of the control connection. */
export const epsv: LoginCommand = {
  verbs: ['EPSV'],
  syntax: 'EPSV [<SP> (<net-prt> / ALL)]',
  rfc: 'RFC 2428 section 3',
  summary: 'Opens a port for the next data connection; ALL forbids every other way to set one up.',
  argument: 'optional',
  needs: 'login',
  keepsRestart: true,
  features: () => ['EPSV'],
  run({ session, data }, argument) {
    const wanted = argument.trim().toUpperCase()
    if (wanted === 'ALL')
      return {
        kind: 'reply',
        reply: reply(200, 'Only EPSV is accepted from now on.'),
        session: { extendedPassiveOnly: true },
      }
    const family = String(addressFamily(session.local.address))
    if (wanted === '' || wanted === family) return after(data.listen('epsv'), opened)
    if (/^\d+$/.test(wanted))
      return { kind: 'reply', reply: reply(522, `The network protocol is not supported, use (${family})`) }
    return { kind: 'reply', reply: reply(501, 'The network protocol is 1 or 2.') }
  },
}

function opened(address: Address): Outcome {
  return { kind: 'reply', reply: reply(229, formatExtendedPassive(address)) }
}
