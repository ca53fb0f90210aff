/** What PORT and EPRT share. */
import type { Context, LoggedInContext, Outcome } from '../control/command.ts'
import { type Reply, reply } from '../control/reply.ts'
import { type Address, checkActiveTarget, isPrivate, isUnspecified } from '../data/address.ts'

/** Whether the session could have active data connections. */
export function mayTarget({ session, configuration }: Pick<Context, 'session' | 'configuration'>): boolean {
  return configuration.server.active.enabled && !session.extendedPassiveOnly
}

/** Remembers where the next data connection goes, if the policy allows it. */
export function setTarget({ session, configuration, data }: LoggedInContext, target: Address | undefined): Outcome {
  const refusedAsForeign = reply(501, 'The address must be that of the control connection.')
  const given = answer()
  // RFC 2577 section 3. Who names a private address is behind NAT and does not know better.
  const isBounce = given === refusedAsForeign && target !== undefined && !isPrivate(target.address)
  return { kind: 'reply', reply: given, ...(isBounce && { offence: 'bounce-attempt' }) }

  function answer(): Reply {
    const { active } = configuration.server
    if (session.extendedPassiveOnly) return reply(501, 'EPSV ALL is in force.')
    if (!active.enabled) return reply(502, 'Active data connections are disabled: use EPSV or PASV.')
    if (target === undefined) return reply(501, 'The address is malformed.')
    // Who leaves the address open can only mean the one the server knows.
    const address = isUnspecified(target) ? { ...target, address: session.peer.address } : target
    const objection = checkActiveTarget(address, session.peer, active)
    // RFC 2577 section 3
    if (objection === 'privileged') return reply(504, 'Ports below 1024 are not allowed.')
    if (objection === 'foreign') return refusedAsForeign
    data.target(address)
    return reply(200, 'The next data connection goes there.')
  }
}
