/** Sessions that may be of the same client: those at the same address. */
import type { Configuration } from '../config/configuration.ts'
import type { Session } from '../control/session/session.ts'

/** What the TLS of a session has made, and those of the same client may resume by. */
export interface Resumable {
  /** The session that it is of. */
  readonly member: Member | undefined
  /** 48 bytes. */
  readonly ticketKeys: Buffer
  /** By which OpenSSL knows the TLS sessions that began here, where it is called directly. */
  readonly sessionContext: Buffer
  /** Whether its client resumes whichever TLS session it got last. */
  mixes: boolean
  /** What a session ID of TLS 1.2 stands for here. */
  sessionWithId(id: string): Buffer | undefined
}

/** A session, as far as others have to do with it. */
export type Member = {
  readonly state: { readonly session: Session; readonly configuration: Configuration }
  readonly channel: { readonly tls: { readonly keys: Resumable } | undefined }
}

type Members = Iterable<Member> & { has(member: object): boolean }

/** Of the sessions of one process. Nothing to close. */
export class Kin {
  readonly #members: Members

  constructor(members: Members) {
    this.#members = members
  }

  /** TLS of the others at the same address. */
  *neighboursOf(member: Member): Generator<Resumable> {
    const { address } = member.state.session.peer
    for (const other of this.#members) {
      const { tls } = other.channel
      if (tls !== undefined && other !== member && other.state.session.peer.address === address) yield tls.keys
    }
  }

  /** Whether it is the same user there; `open` while one of the two is not logged in. */
  compareUsers(member: Member, neighbour: Resumable): 'same' | 'other' | 'open' {
    const { member: other } = neighbour
    if (other === undefined || !this.#members.has(other) || other.channel.tls?.keys !== neighbour) return 'other'
    return compare(member.state.session, other.state.session)
  }
}

function compare(one: Session, other: Session): 'same' | 'other' | 'open' {
  if (one.login.state !== 'logged-in' || other.login.state !== 'logged-in') return 'open'
  return one.login.user.name === other.login.user.name && one.host === other.host ? 'same' : 'other'
}
