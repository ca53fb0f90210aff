/** What a client asks for by HOST (RFC 7151 section 3.1). */
import { isIP, isIPv4 } from 'node:net'
import { isHostName } from '../config/formats.ts'
import { canonicalAddress } from '../data/address.ts'

export type AskedHost =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'address'; readonly address: string }

/** Undefined if it is neither a name nor an address, such as one with a port. Literal addresses are in brackets, with `IPv6:` or without; those of IPv4 may be bare. */
export function parseHost(text: string): AskedHost | undefined {
  if (isIPv4(text)) return { kind: 'address', address: text }
  const literal = /^\[(?:IPv6:)?([^\]%]+)\]$/i.exec(text)?.[1]
  if (literal !== undefined && isIP(literal) !== 0) return { kind: 'address', address: canonicalAddress(literal) }
  return isHostName(text) ? { kind: 'name', name: text.toLowerCase() } : undefined
}
