/** Headers of the PROXY protocol, versions 1 and 2: what a proxy says first about whom it speaks for. Sections are those of HAProxy's `proxy-protocol.txt`. Pure. */
import { isIPv4, isIPv6 } from 'node:net'
import { crc32c } from './crc32c.ts'

/** Addresses as text, IPv6 in the spelling of the header (version 1) or written out (version 2). */
export type ProxyEndpoint = { readonly address: string; readonly port: number }

/** Whom the proxy speaks for, and where that client has connected to. */
export type ProxiedEnds = { readonly source: ProxyEndpoint; readonly destination: ProxyEndpoint }

export type ProxyHeader =
  /** More is to come. */
  | { readonly kind: 'incomplete' }
  /** `length` bytes; without ends the proxy speaks for itself (LOCAL, as health checks do) or does not know (UNKNOWN). */
  | { readonly kind: 'header'; readonly length: number; readonly ends: ProxiedEnds | undefined }
  /** No header begins like this: probably somebody who knows nothing of proxies. */
  | { readonly kind: 'absent' }
  /** In words, for a log. */
  | { readonly kind: 'invalid'; readonly reason: string }

/** Longest header that is read, in bytes: version 2 has a length of its own. */
export const longestProxyHeader = { v1: 107, v2: 16 + 4096 } as const

/** Reads the header at the beginning of the bytes; what is behind it is left alone. */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader {
  if (beginsLike(bytes, signatureOfV2)) return bytes.length < fixedOfV2 ? incomplete : parseV2(bytes)
  if (beginsLike(bytes, signatureOfV1)) return parseV1(bytes)
  return { kind: 'absent' }
}

const incomplete = { kind: 'incomplete' } as const

const signatureOfV1 = Buffer.from('PROXY ')
export const signatureOfV2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
/** Signature, version and command, family and protocol, length. */
const fixedOfV2 = 16

/** As far as there are bytes. */
function beginsLike(bytes: Uint8Array, signature: Uint8Array): boolean {
  return signature.every((byte, index) => index >= bytes.length || bytes[index] === byte)
}

function invalid(reason: string): ProxyHeader {
  return { kind: 'invalid', reason }
}

function parseV1(bytes: Uint8Array): ProxyHeader {
  const start = bytes.subarray(0, longestProxyHeader.v1)
  const end = start.indexOf(0x0a)
  if (end === -1)
    return bytes.length < longestProxyHeader.v1 ? incomplete : invalid('the line of version 1 is too long')
  if (start[end - 1] !== 0x0d) return invalid('the line of version 1 does not end with CR LF')
  const [, family, ...fields] = Buffer.from(start.subarray(0, end - 1))
    .toString('latin1')
    .split(' ')
  const length = end + 1
  // What follows UNKNOWN is to be ignored (section 2.1).
  if (family === 'UNKNOWN') return { kind: 'header', length, ends: undefined }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6WithoutZone : undefined
  if (isAddress === undefined) return invalid('the protocol of version 1 is none of TCP4, TCP6 and UNKNOWN')
  const [from = '', to = '', fromPort = '', toPort = ''] = fields
  if (fields.length !== 4) return invalid('version 1 has not two addresses and two ports')
  if (!isAddress(from) || !isAddress(to)) return invalid(`an address is none of ${family}`)
  if (!isPort(fromPort) || !isPort(toPort)) return invalid('a port is none')
  const ends = {
    source: { address: from, port: Number(fromPort) },
    destination: { address: to, port: Number(toPort) },
  }
  return { kind: 'header', length, ends }
}

function isIPv6WithoutZone(address: string): boolean {
  return isIPv6(address) && !address.includes('%')
}

function isPort(digits: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(digits) && Number(digits) <= 65_535
}

const local = 0
const proxied = 1
const unspecified = 0
const stream = 1
/** Bytes of the two addresses and, for IP, the two ports, by the number of the family: unspecified, IPv4, IPv6, Unix. */
const addressBytes = [0, 12, 36, 216] as const

function parseV2(bytes: Uint8Array): ProxyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [version, command] = [view.getUint8(12) >> 4, view.getUint8(12) & 15]
  const [family, protocol] = [view.getUint8(13) >> 4, view.getUint8(13) & 15]
  const length = fixedOfV2 + view.getUint16(14)
  if (version !== 2) return invalid('the version is not 2')
  if (command !== local && command !== proxied) return invalid('the command is neither LOCAL nor PROXY')
  if (length > longestProxyHeader.v2) return invalid('the header is too long')
  if (bytes.length < length) return incomplete
  // For LOCAL the family and all that follows are to be ignored (section 2.2).
  if (command === local) return { kind: 'header', length, ends: undefined }
  const size = addressBytes[family]
  if (size === undefined || protocol > 2) return invalid('the family or protocol is unknown')
  if (family === unspecified || protocol === unspecified) return { kind: 'header', length, ends: undefined }
  if (protocol !== stream) return invalid('the protocol is not that of streams')
  if (fixedOfV2 + size > length) return invalid('the header is too short for its addresses')
  const damage = findDamage(bytes.subarray(0, length), fixedOfV2 + size)
  if (damage !== undefined) return invalid(damage)
  return { kind: 'header', length, ends: endsOf(view, size) }
}

function endsOf(view: DataView, size: number): ProxiedEnds | undefined {
  if (size === 12) return readEnds(view, 4, ipv4)
  return size === 36 ? readEnds(view, 16, ipv6) : undefined
}

function readEnds(view: DataView, width: number, read: (view: DataView, at: number) => string): ProxiedEnds {
  const ports = fixedOfV2 + 2 * width
  return {
    source: { address: read(view, fixedOfV2), port: view.getUint16(ports) },
    destination: { address: read(view, fixedOfV2 + width), port: view.getUint16(ports + 2) },
  }
}

function ipv4(view: DataView, at: number): string {
  return [0, 1, 2, 3].map(index => view.getUint8(at + index)).join('.')
}

function ipv6(view: DataView, at: number): string {
  return [0, 2, 4, 6, 8, 10, 12, 14].map(index => view.getUint16(at + index).toString(16)).join(':')
}

const typeOfChecksum = 0x03

/** Fields behind the addresses are type, length, value (section 2.2). Only the checksum says something about the rest. */
function findDamage(header: Uint8Array, start: number): string | undefined {
  let at = start
  while (at < header.length) {
    const [type, high, low] = header.subarray(at, at + 3)
    if (type === undefined || high === undefined || low === undefined) return 'a field has no length'
    const [from, to] = [at + 3, at + 3 + high * 256 + low]
    if (to > header.length) return 'a field is longer than the header'
    if (type === typeOfChecksum && !checksumHolds(header, from, to)) return 'the checksum is wrong'
    at = to
  }
  return undefined
}

function checksumHolds(header: Uint8Array, from: number, to: number): boolean {
  if (to - from !== 4) return false
  const told = Buffer.from(header.subarray(from, to)).readUInt32BE(0)
  return crc32c(Buffer.from(header).fill(0, from, to)) === told
}
