/** Tickets as OpenSSL makes them (RFC 5077 section 4): name of the key, initial vector, the TLS session under AES-256, and an HMAC over all. */
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { keepKind } from '../../kinds.ts'

const nameBytes = 16
const vectorBytes = 16
const keyBytes = 32

/** The TLS session in a ticket that was made with these keys (name, key of the HMAC, key of the cipher), in the form of i2d_SSL_SESSION. */
export function readTicket(ticket: Buffer, keys: Buffer): Buffer | undefined {
  const name = keys.subarray(0, nameBytes)
  const hmacKey = keys.subarray(nameBytes, nameBytes + keyBytes)
  const cipherKey = keys.subarray(nameBytes + keyBytes)
  const signed = ticket.subarray(0, -keyBytes)
  if (signed.length <= nameBytes + vectorBytes || !name.equals(ticket.subarray(0, nameBytes))) return undefined
  const expected = createHmac('sha256', hmacKey).update(signed).digest()
  if (!timingSafeEqual(expected, ticket.subarray(-keyBytes))) return undefined
  try {
    const vector = signed.subarray(nameBytes, nameBytes + vectorBytes)
    const cipher = createDecipheriv('aes-256-cbc', cipherKey, vector)
    return Buffer.concat([cipher.update(signed.subarray(nameBytes + vectorBytes)), cipher.final()])
  } catch {
    return undefined
  }
}

keepKind(() => createHmac('sha256', ''))
