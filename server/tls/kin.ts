/** Sessions that may be of the same client: those at the same address. */
import type { Configuration } from '../config/configuration.ts'
import type { Session } from '../control/session/session.ts'
import type { SessionTls } from './session-tls.ts'

/** A session, as far as others have to do with it. */
export type Member = {
  readonly state: { readonly session: Session; readonly configuration: Configuration }
  readonly channel: { readonly tls: SessionTls | undefined }
}

type Members = Iterable<Member> & { has(member: object): boolean }

/** Of the sessions of one process. Nothing to close. */
export class Kin {
  readonly #members: Members

  constructor(members: Members) {
    this.#members = members
  }

  /** TLS of the others at the same address. */
  *neighboursOf(member: Member): Generator<SessionTls> {
    const { address } = member.state.session.peer
    for (const other of this.#members) {
      const { tls } = other.channel
      if (tls !== undefined && other !== member && other.state.session.peer.address === address) yield tls
    }
  }

  /** Whether it is the same user there; `open` while one of the two is not logged in. */
  compareUsers(member: Member, neighbour: SessionTls): 'same' | 'other' | 'open' {
    const { member: other } = neighbour
    if (other === undefined || !this.#members.has(other) || other.channel.tls !== neighbour) return 'other'
    return compare(member.state.session, other.state.session)
  }
}

function compare(one: Session, other: Session): 'same' | 'other' | 'open' {
  if (one.login.state !== 'logged-in' || other.login.state !== 'logged-in') return 'open'
  return one.login.user.name === other.login.user.name && one.host === other.host ? 'same' : 'other'
}
