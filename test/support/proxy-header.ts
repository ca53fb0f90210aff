/** Headers of the PROXY protocol as proxies write them. */
import { crc32c } from '../../server/proxy-protocol/crc32c.ts'
import type { ProxiedEnds } from '../../server/proxy-protocol/header.ts'

export type Field = { readonly type: number; readonly value: Uint8Array }

/** From and to addresses of one family, given as text. */
export function endsOf(
  source: string,
  destination: string,
  ports: readonly [number, number] = [40_000, 21],
): ProxiedEnds {
  return { source: { address: source, port: ports[0] }, destination: { address: destination, port: ports[1] } }
}

export function headerV1({ source, destination }: ProxiedEnds): Buffer {
  const family = source.address.includes(':') ? 'TCP6' : 'TCP4'
  return Buffer.from(`PROXY ${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`)
}

export type V2Options = {
  /** Version and command: PROXY by default. */
  readonly command?: number
  /** Family and protocol; those of the addresses by default. */
  readonly family?: number
  readonly fields?: readonly Field[]
  /** Adds a field with the checksum, right or off by one. */
  readonly checksum?: 'right' | 'wrong'
}

/** Without ends there are no addresses: UNSPEC. */
export function headerV2(ends: ProxiedEnds | undefined, options: V2Options = {}): Buffer {
  const { command = 0x21, checksum } = options
  const addresses = ends === undefined ? Buffer.alloc(0) : addressesOf(ends)
  const { family = addresses.length === 0 ? 0x00 : addresses.length === 12 ? 0x11 : 0x21 } = options
  const fields = (options.fields ?? []).map(({ type, value }) =>
    Buffer.concat([Uint8Array.of(type, value.length >> 8, value.length & 255), value]),
  )
  const sum = checksum === undefined ? [] : [Buffer.from([3, 0, 4, 0, 0, 0, 0])]
  const rest = Buffer.concat([addresses, ...fields, ...sum])
  const fixed = Buffer.from([
    ...Buffer.from('\r\n\r\n\0\r\nQUIT\n'),
    command,
    family,
    rest.length >> 8,
    rest.length & 255,
  ])
  const header = Buffer.concat([fixed, rest])
  if (checksum !== undefined)
    header.writeUInt32BE((crc32c(header) + (checksum === 'right' ? 0 : 1)) >>> 0, header.length - 4)
  return header
}

function addressesOf({ source, destination }: ProxiedEnds): Buffer {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  return Buffer.concat([bytesOf(source.address), bytesOf(destination.address), ports])
}

/** IPv6 in any spelling without a dotted end. */
function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  const all = [...before, ...Array<string>(zeros).fill('0'), ...after]
  return Buffer.from(all.map(group => group.padStart(4, '0')).join(''), 'hex')
}
