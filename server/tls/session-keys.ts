/** By what the connections of one session resume, and know each other: keys of tickets, TLS sessions by ID, and what others lend. */
import type { Kin, Member, Resumable } from './kin.ts'
import { Lending } from './lending.ts'
import { readTicket } from './openssl/ticket.ts'

/** Whether a data connection has to resume a session of its client: what it begins otherwise is nothing to resume by. */
export type Demand = 'resumption' | 'none'

/** What a client wants to resume by. */
export type Offer = { readonly tickets: readonly Buffer[]; readonly sessionId: Buffer }

/** More than a client has connections at once; each is about 200 bytes to 2 KiB. */
const maxSessionIds = 8

/** The longest that OpenSSL takes (SSL_MAX_SID_CTX_LENGTH). */
const sessionContextBytes = 32

export class SessionKeys implements Resumable {
  readonly ticketKeys: Buffer
  readonly member: Member | undefined
  readonly lending: Lending
  mixes = false
  // Most sessions need none.
  #sessionIds: Map<string, Buffer> | undefined

  constructor(ticketKeys: Buffer, { member, kin }: { readonly member?: Member; readonly kin?: Kin }) {
    this.ticketKeys = ticketKeys
    this.member = member
    this.lending = new Lending(this, kin)
  }

  get sessionContext(): Buffer {
    return this.ticketKeys.subarray(0, sessionContextBytes)
  }

  sessionWithId(id: string): Buffer | undefined {
    return this.#sessionIds?.get(id)
  }

  /** Those that a client got last are kept. */
  keepSession(id: string, session: Buffer): void {
    this.#sessionIds ??= new Map()
    const [oldest] = this.#sessionIds.keys()
    if (this.#sessionIds.size >= maxSessionIds && oldest !== undefined) this.#sessionIds.delete(oldest)
    this.#sessionIds.set(id, session)
  }

  /** Once nobody may resume any more. */
  forgetSessions(): void {
    this.#sessionIds = undefined
  }

  /** As that of SessionTls. `keysOfProcess` are those of tickets that OpenSSL makes where it is called directly. */
  hasIssued(offer: Offer, keysOfProcess: Buffer | undefined): boolean {
    const offered = readable(offer, keysOfProcess)
    const hasMade = (one: Resumable): boolean => isIn(one, offered)
    return hasMade(this) || this.lending.some(hasMade)
  }
}

/** RFC 5077 section 4: a ticket begins with the name of its key. */
export function nameOf({ ticketKeys }: Resumable): Buffer {
  return ticketKeys.subarray(0, nameBytes)
}

const nameBytes = 16

type Readable = { readonly keyNames: readonly Buffer[]; readonly sessions: readonly Buffer[]; readonly id: string }

/** Once for all who are asked whether it is theirs: to decrypt a ticket takes longer. */
function readable({ tickets, sessionId }: Offer, keysOfProcess: Buffer | undefined): Readable {
  return {
    keyNames: tickets.map(ticket => ticket.subarray(0, nameBytes)),
    sessions: keysOfProcess === undefined ? [] : tickets.flatMap(ticket => readTicket(ticket, keysOfProcess) ?? []),
    id: sessionId.toString('hex'),
  }
}

function isIn(one: Resumable, { keyNames, sessions, id }: Readable): boolean {
  const own = nameOf(one)
  if (keyNames.some(name => own.equals(name))) return true
  if (sessions.some(session => session.includes(one.sessionContext))) return true
  return one.sessionWithId(id) !== undefined
}
