/** The header with which one server hands a connection over to another: PROXY protocol version 2, with a signature behind the addresses. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { type ProxiedEnds, type ProxyEndpoint, parseProxyHeader, signatureOfV2 } from '../proxy-protocol/header.ts'

/** What makes each header one that is believed once. */
export type Freshness = {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** 16 random bytes. */
  readonly nonce: Uint8Array
}

export type SignedHeader =
  /** `time` and `nonce` are what the other server has put into it, the nonce as hexadecimal digits. */
  | { readonly kind: 'signed'; readonly ends: ProxiedEnds; readonly time: number; readonly nonce: string }
  | { readonly kind: 'unsigned' }

/** The client, and the port that it has connected to; the address of that is of no account. */
export function signedHeader(ends: ProxiedEnds, { now, nonce }: Freshness, secret: string): Buffer {
  const { family, addresses } = addressesOf(ends)
  const fixed = Buffer.concat([signatureOfV2, Buffer.from([0x21, family, 0, 0])])
  fixed.writeUInt16BE(addresses.length + fieldHeaderBytes + valueBytes, 14)
  const field = Buffer.alloc(fieldHeaderBytes + valueBytes - macBytes)
  field.writeUInt8(typeOfSignature, 0)
  field.writeUInt16BE(valueBytes, 1)
  field.writeUInt8(versionOfSignature, fieldHeaderBytes)
  field.writeBigUInt64BE(BigInt(now), fieldHeaderBytes + 1)
  field.set(nonce.subarray(0, nonceBytes), fieldHeaderBytes + 9)
  const signed = Buffer.concat([fixed, addresses, field])
  return Buffer.concat([signed, macOf(signed, secret)])
}

/** Reads a whole header. Each secret counts; the comparison takes as long whatever differs. */
export function readSignedHeader(header: Buffer, secrets: readonly string[]): SignedHeader {
  const parsed = parseProxyHeader(header)
  const at = header.length - fieldHeaderBytes - valueBytes
  if (parsed.kind !== 'header' || parsed.ends === undefined || at < 0) return unsigned
  const value = at + fieldHeaderBytes
  const isField =
    header.readUInt8(at) === typeOfSignature &&
    header.readUInt16BE(at + 1) === valueBytes &&
    header.readUInt8(value) === versionOfSignature
  if (!isField) return unsigned
  const signed = header.subarray(0, -macBytes)
  const mac = header.subarray(-macBytes)
  // All of them are tried, so that time does not tell which one it was.
  if (secrets.filter(secret => timingSafeEqual(macOf(signed, secret), mac)).length === 0) return unsigned
  return {
    kind: 'signed',
    ends: parsed.ends,
    time: Number(header.readBigUInt64BE(value + 1)),
    nonce: header.toString('hex', value + 9, value + 9 + nonceBytes),
  }
}

const unsigned: SignedHeader = { kind: 'unsigned' }
/** One of those that the specification leaves to applications (section 2.2, PP2_TYPE_MIN_CUSTOM to MAX_CUSTOM). */
const typeOfSignature = 0xe7
const versionOfSignature = 1
const fieldHeaderBytes = 3
export const nonceBytes = 16
const macBytes = 32
/** Version, time, nonce, HMAC. */
const valueBytes = 1 + 8 + nonceBytes + macBytes

/** The words before it keep it apart from all else that the secret may ever sign. */
function macOf(signed: Uint8Array, secret: string): Buffer {
  return createHmac('sha256', secret).update('ftp-server relay\0').update(signed).digest()
}

function addressesOf({ source, destination }: ProxiedEnds): { readonly family: number; readonly addresses: Buffer } {
  const isV4 = isIPv4(source.address) && isIPv4(destination.address)
  const bytes = ({ address }: ProxyEndpoint) => (isV4 ? ipv4Bytes(address) : ipv6Bytes(address))
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  return { family: isV4 ? 0x11 : 0x21, addresses: Buffer.concat([bytes(source), bytes(destination), ports]) }
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** IPv4 beside IPv6 goes mapped into it. */
function ipv6Bytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), ipv4Bytes(address)])
  // URL writes the last four bytes as digits of IPv6 too, and without zeros.
  const { hostname } = new URL(`ftp://[${address}]`)
  const [head = '', tail] = hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
  return Buffer.from(all.flatMap(group => [group >> 8, group & 255]))
}
