/** New tickets on resumption. */
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:tls'

/**
 * RFC 8446 appendix C.4: clients use a ticket of TLS 1.3 once. Node sends new ones after full handshakes only, so that such a client
 * (curl) resumes every second time. OpenSSL does better where the callback for ticket keys asks it to, and Node has a door to that
 * callback, though not a documented one: where it is missing, all stays as it was. The keys are asked for at each ticket.
 */
export function renewTickets(
  server: Server,
  ticketKeys: (use: 'make' | 'read') => Buffer,
  keysNamed: FindKeys,
  renews: () => boolean,
): boolean {
  const context: unknown = Reflect.get(Object(Reflect.get(server, '_sharedCreds')), 'context')
  if (!isTicketContext(context)) return false
  context.onticketkeycallback = (ticketName, _vector, encrypting) => {
    const keys = ticketKeys(encrypting ? 'make' : 'read')
    const [name, hmacKey, cipherKey] = partsOf(keys)
    if (encrypting) return [useKey, hmacKey, cipherKey, name, randomBytes(16)]
    const use = renews() ? useKeyAndRenew : useKey
    if (name.equals(ticketName)) return [use, hmacKey, cipherKey]
    const others = keysNamed(ticketName)
    if (others === undefined) return [unknownKey, hmacKey, cipherKey]
    const [, hmacKeyOfOther, cipherKeyOfOther] = partsOf(others)
    return [use, hmacKeyOfOther, cipherKeyOfOther]
  }
  context.enableTicketKeyCallback()
  return true
}

/** Keys of 48 bytes, beside its own, that a ticket may be made with; by the name that it begins with. */
export type FindKeys = (name: Buffer) => Buffer | undefined

/** Name, key of the HMAC and key of the cipher. */
function partsOf(keys: Buffer): readonly [Buffer, Buffer, Buffer] {
  return [keys.subarray(0, 16), keys.subarray(16, 32), keys.subarray(32, 48)]
}

// Return values of OpenSSL's SSL_CTX_set_tlsext_ticket_key_evp_cb.
const unknownKey = 0
const useKey = 1
const useKeyAndRenew = 2

type TicketContext = {
  onticketkeycallback: (name: Buffer, vector: Buffer, encrypting: boolean) => readonly (number | Buffer)[]
  enableTicketKeyCallback: () => void
}

function isTicketContext(value: unknown): value is TicketContext {
  return typeof Reflect.get(Object(value), 'enableTicketKeyCallback') === 'function'
}
