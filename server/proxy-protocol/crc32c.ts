/** CRC32c (RFC 4960 appendix B), which version 2 of the PROXY protocol has for a checksum; `node:zlib` has the other polynomial. Pure. */

/** For short inputs: bit by bit, without a table. */
export function crc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff
  for (const byte of bytes) {
    rest ^= byte
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ castagnoli : rest >>> 1
  }
  return (rest ^ 0xffffffff) >>> 0
}

/** The polynomial, with its bits in reverse order. */
const castagnoli = 0x82f63b78
