/** Who a client is, as far as an address tells: what sessions and failures are counted by, and what is banned. Pure. */
import { plainAddress } from '../config/network.ts'

/** An IPv4 address, or the /64 of an IPv6 address, which is the least that one customer has: single addresses in it cost nothing. */
export function clientKey(address: string): string {
  const plain = plainAddress(address)
  if (!plain.includes(':')) return plain
  const groups = expand(plain).slice(0, prefixGroups)
  return `${groups.map(group => group.toString(16)).join(':')}::/64`
}

/** An address of the client, for networks to be compared with. */
export function addressOf(client: string): string {
  return client.replace(/\/64$/, '')
}

const prefixGroups = 4
const allGroups = 8

/** The eight groups of an IPv6 address in any of its spellings (RFC 4291 section 2.2). */
function expand(address: string): readonly number[] {
  const [head = '', tail] = address.toLowerCase().split('::')
  const before = groupsOf(head)
  const after = groupsOf(tail ?? '')
  const zeros = tail === undefined ? 0 : Math.max(0, allGroups - before.length - after.length)
  return [...before, ...Array<number>(zeros).fill(0), ...after]
}

function groupsOf(text: string): readonly number[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
