/** Addresses as PORT, EPRT, PASV and EPSV write them, and who may be connected to. */
import { BlockList, isIP } from 'node:net'
import { plainAddress } from '../config/network.ts'
import type { ServerConfiguration } from '../config/schema.ts'

/** One end of a connection. */
export type Address = { readonly address: string; readonly port: number }

/** RFC 959 PORT: `h1,h2,h3,h4,p1,p2`. Undefined if it is not that. */
export function parsePort(text: string): Address | undefined {
  const numbers = text.trim().split(',')
  if (numbers.length !== 6 || !numbers.every(number => /^\d{1,3}$/.test(number) && Number(number) <= 255))
    return undefined
  const [h1, h2, h3, h4, p1, p2] = numbers.map(Number)
  const port = Number(p1) * 256 + Number(p2)
  return port === 0 ? undefined : { address: `${h1}.${h2}.${h3}.${h4}`, port }
}

/** RFC 2428 EPRT: `|af|addr|port|` with any delimiter from 33 to 126. `wrong-family` where the family is neither 1 nor 2. */
export function parseExtendedPort(text: string): Address | 'wrong-family' | undefined {
  const trimmed = text.trim()
  const delimiter = trimmed[0] ?? ''
  if (!/^[!-~]$/.test(delimiter)) return undefined
  const [before, family = '', address = '', digits = '', after, ...rest] = trimmed.split(delimiter)
  if (before !== '' || after !== '' || rest.length > 0) return undefined
  if (!/^\d{1,5}$/.test(family) || !/^\d{1,5}$/.test(digits)) return undefined
  const port = Number(digits)
  if (port === 0 || port > 65_535) return undefined
  if (Number(family) !== 1 && Number(family) !== 2) return 'wrong-family'
  if (address.includes('%') || isIP(address) !== (Number(family) === 1 ? 4 : 6)) return undefined
  return { address, port }
}

/** Text of the reply to PASV (227). The parentheses belong to it: RFC 1123 section 4.1.2.6. */
export function formatPassive({ address, port }: Address): string {
  return `Entering Passive Mode (${address.replaceAll('.', ',')},${port >> 8},${port & 255}).`
}

/** Text of the reply to EPSV (229): RFC 2428 section 3. */
export function formatExtendedPassive({ port }: Pick<Address, 'port'>): string {
  return `Entering Extended Passive Mode (|||${port}|)`
}

/** RFC 2428 protocol number of an address: 1 for IPv4 (also mapped into IPv6), 2 for IPv6. */
export function addressFamily(address: string): 1 | 2 {
  return isVersion6(plainAddress(address)) ? 2 : 1
}

/**
 * Whether the server may connect to where PORT or EPRT points (RFC 2577 section 3): `foreign` where it is not the client,
 * `privileged` where the port is below 1024, undefined where it may.
 */
export function checkActiveTarget(
  target: Address,
  peer: Address,
  active: ServerConfiguration['active'],
): 'foreign' | 'privileged' | undefined {
  const address = canonicalAddress(target.address)
  if (address !== canonicalAddress(peer.address)) {
    if (!active.foreignAddresses) return 'foreign'
    if (neverForeign.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return 'foreign'
  }
  if (target.port < 1024 && !active.privilegedPorts) return 'privileged'
  return undefined
}

/** `0.0.0.0` and `::`, which stand for no host. */
export function isUnspecified({ address }: Address): boolean {
  return ['0.0.0.0', '::'].includes(canonicalAddress(address))
}

/** Where PORT and EPRT name such an address, a client behind NAT has told its own. */
export function isPrivate(address: string): boolean {
  const plain = canonicalAddress(address)
  return privateNetworks.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
}

/** One spelling for each address; IPv4 that came mapped into IPv6, as IPv4. */
export function canonicalAddress(address: string): string {
  const plain = plainAddress(address)
  if (!isVersion6(plain)) return plain
  const compressed = new URL(`http://[${plain}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(compressed)
  if (mapped === null) return compressed
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** To look is cheaper than an expression, and enough for most. */
function isVersion6(address: string): boolean {
  return address.includes(':') && isIP(address) === 6
}

// Where no client of another host can be, and the server's own neighbours are: itself, its link, cloud metadata, groups.
const neverForeign = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  neverForeign.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['ff00::', 8],
] as const)
  neverForeign.addSubnet(network, prefix, 'ipv6')

// RFC 1918, RFC 6598 and RFC 4193.
const privateNetworks = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  privateNetworks.addSubnet(network, prefix, 'ipv4')
privateNetworks.addSubnet('fc00::', 7, 'ipv6')
