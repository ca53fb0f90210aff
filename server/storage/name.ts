/** Names of files: bytes on the wire and on disk (RFC 2640 section 2.2, RFC 3659 section 2.2), strings in between. */
import { Buffer, isUtf8 } from 'node:buffer'

/** The string for a name. Bytes that are not UTF-8 become lone surrogates, U+DC80 to U+DCFF, so that nothing is lost. */
export function decodeName(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer) ? buffer.toString('utf8') : decodeBroken(buffer)
}

/** The bytes of a name: the inverse of decodeName. */
export function encodeName(name: string): Buffer {
  return name.isWellFormed() ? Buffer.from(name, 'utf8') : encodeBroken(name)
}

/** A name as logs and JSON can hold it: bytes that are not UTF-8 are shown as `\xNN`. */
export function displayName(name: string): string {
  return name.isWellFormed() ? name : name.replace(escapedByte, escaped => `\\x${hex(escaped)}`).toWellFormed()
}

// With the flag u, only surrogates that are not half of a pair match.
const escapedByte = /[\udc80-\udcff]/gu
const firstEscape = 0xdc80

function hex(escaped: string): string {
  return (escaped.charCodeAt(0) - firstEscape + 0x80).toString(16)
}

function decodeBroken(bytes: Buffer): string {
  let name = ''
  let position = 0
  while (position < bytes.length) {
    const length = sequenceLength(bytes, position)
    if (length === 0) name += String.fromCharCode(firstEscape + (bytes[position] ?? 0) - 0x80)
    else name += bytes.toString('utf8', position, position + length)
    position += Math.max(1, length)
  }
  return name
}

/** Bytes of the character that starts here; 0 if none does. */
function sequenceLength(bytes: Buffer, position: number): number {
  const first = bytes[position] ?? 0
  if (first < 0x80) return 1
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  const end = position + length
  return length > 0 && end <= bytes.length && isUtf8(bytes.subarray(position, end)) ? length : 0
}

function encodeBroken(name: string): Buffer {
  const parts: Buffer[] = []
  let copied = 0
  for (const { 0: escaped, index } of name.matchAll(escapedByte)) {
    parts.push(Buffer.from(name.slice(copied, index), 'utf8'))
    parts.push(Buffer.of(escaped.charCodeAt(0) - firstEscape + 0x80))
    copied = index + 1
  }
  parts.push(Buffer.from(name.slice(copied), 'utf8'))
  return Buffer.concat(parts)
}
