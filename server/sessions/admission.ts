/** Who may come in: counts of sessions by client, which is an address, or a network of 64 bits with IPv6. */
import { clientKey } from '../bans/client-key.ts'
import type { Limits } from '../config/schema.ts'
import type { RefusalReason } from '../telemetry/telemetry.ts'

export class Admission {
  #sessions = 0
  readonly #byClient = new Map<string, number>()

  get sessions(): number {
    return this.#sessions
  }

  /** Takes a place for a connection, or says why there is none. */
  admit(address: string, limits: Limits): RefusalReason | undefined {
    if (this.#sessions >= limits.maxSessions) return 'too-many-sessions'
    const client = clientKey(address)
    if ((this.#byClient.get(client) ?? 0) >= limits.maxSessionsPerAddress) return 'too-many-sessions-of-address'
    this.#sessions += 1
    add(this.#byClient, client)
    return undefined
  }

  /** Whether less than half of the places is taken, of all and of the client's. */
  isRoomy(address: string, limits: Limits): boolean {
    const ofClient = this.#byClient.get(clientKey(address)) ?? 0
    return this.#sessions * 2 < limits.maxSessions && ofClient * 2 < limits.maxSessionsPerAddress
  }

  /** Gives back what admit took. */
  leave(address: string): void {
    this.#sessions -= 1
    subtract(this.#byClient, clientKey(address))
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function subtract(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1
  if (left > 0) counts.set(key, left)
  else counts.delete(key)
}
