import { after } from '../at-once.ts'
import type { LoginCommand, Outcome } from '../control/command.ts'
import { reply } from '../control/reply.ts'
import { type Address, addressFamily, formatPassive } from '../data/address.ts'

/** RFC 959 PASV: the server listens for data at an IPv4 address. A second one replaces the first (RFC 1123 section 4.1.2.6). */
export const pasv: LoginCommand = {
  verbs: ['PASV'],
  syntax: 'PASV',
  rfc: 'RFC 959 section 4.1.2',
  summary: 'Opens a port for the next data connection and tells its IPv4 address.',
  argument: 'none',
  needs: 'login',
  keepsRestart: true,
  offered: ({ session }) => !session.extendedPassiveOnly && addressFamily(session.local.address) === 1,
  run({ session, data }) {
    if (session.extendedPassiveOnly) return { kind: 'reply', reply: reply(501, 'EPSV ALL is in force.') }
    return after(data.listen('pasv'), opened)
  },
}

function opened(address: Address): Outcome {
  return { kind: 'reply', reply: reply(227, formatPassive(address)) }
}
