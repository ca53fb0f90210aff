/** IP addresses and networks of them. */
import { BlockList, isIP } from 'node:net'

/** A network in CIDR notation, or a single address. */
export type Network = { readonly text: string; readonly contains: (address: string) => boolean }

/** Parses `10.0.0.0/8`, `2001:db8::/32` or one address. Undefined if it is none of these. */
export function parseNetwork(text: string): Network | undefined {
  if (!isNetwork(text)) return undefined
  const [address = '', prefix] = text.split('/')
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(address, prefix === undefined ? longestPrefix[family] : Number(prefix), family)
  return {
    text,
    contains: candidate => {
      const plain = plainAddress(candidate)
      return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
    },
  }
}

/** Whether parseNetwork takes it. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0 || address.includes('%')) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= longestPrefix[family === 4 ? 'ipv4' : 'ipv6']
}

/** An IPv4 address that came mapped into IPv6 (`::ffff:192.0.2.1`), as IPv4; without zone index. */
export function plainAddress(address: string): string {
  // IPv4, as a rule: an expression for each connection costs more than to look.
  if (!address.includes(':') && !address.includes('%')) return address
  const bare = address.replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)
  return mapped?.[1] ?? bare
}

const longestPrefix = { ipv4: 32, ipv6: 128 } as const
