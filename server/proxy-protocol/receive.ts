/** Reads the header that a proxy sends first. */

import type { FirstBytes } from './first-bytes.ts'
import { type ProxiedEnds, parseProxyHeader } from './header.ts'

export type ReceivedHeader =
  | { readonly kind: 'header'; readonly ends: ProxiedEnds | undefined }
  /** Something else came, or nothing in time. */
  | { readonly kind: 'absent' | 'invalid' | 'late'; readonly reason: string }
  /** It was closed before a byte came: a check whether the port is open. */
  | { readonly kind: 'closed' }

/** Resolves to the header, which is dropped from the bytes, or to why there is none; the socket is the caller's to destroy then. */
export async function receiveProxyHeader(first: FirstBytes, timeoutSeconds: number): Promise<ReceivedHeader> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => resolve('late'), timeoutSeconds * 1000)
  const read = first.read(bytes => parseProxyHeader(bytes).kind !== 'incomplete')
  const outcome = await Promise.race([read, late])
  clearTimeout(timer)
  if (outcome === 'late') return { kind: 'late', reason: 'there was no header in time' }
  const header = parseProxyHeader(first.bytes)
  if (header.kind === 'header') {
    first.drop(header.length)
    return { kind: 'header', ends: header.ends }
  }
  if (header.kind === 'invalid') return header
  if (header.kind === 'absent') return { kind: 'absent', reason: 'it does not begin with a header' }
  return first.bytes.length === 0 ? { kind: 'closed' } : { kind: 'invalid', reason: 'it ends within the header' }
}
