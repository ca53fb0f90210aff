/** Changes inputs at random, the way that finds most in parsers: bytes, blocks, words of the corpus, splices of two inputs. */

/** Numbers from 0 up to, but not including, the limit. */
export type Random = (limit: number) => number

/** xorshift32: the same seed gives the same run. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0 || 1
  return limit => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % Math.max(1, limit)
  }
}

const maxLength = 2048
const telling = [0x00, 0x09, 0x0a, 0x0d, 0x16, 0x20, 0x22, 0x2a, 0x2d, 0x2f, 0x7c, 0x7f, 0x80, 0xc0, 0xed, 0xff]

/** A new input made of one or two old ones. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(input)
  for (let change = random(4); change >= 0; change -= 1) bytes = changed(bytes, other, random)
  return bytes.subarray(0, maxLength)
}

function changed(bytes: Buffer<ArrayBuffer>, other: Uint8Array, random: Random): Buffer<ArrayBuffer> {
  const at = random(bytes.length + 1)
  const size = 1 + random(random(8) === 0 ? 64 : 4)
  const before = bytes.subarray(0, at)
  switch (random(8)) {
    case 0:
      return Buffer.concat([before, bytes.subarray(at + size)])
    case 1:
      return Buffer.concat([before, Buffer.of(random(256)), bytes.subarray(at + 1)])
    case 2:
      return Buffer.concat([before, Buffer.of(telling[random(telling.length)] ?? 0), bytes.subarray(at + random(2))])
    case 3:
      return Buffer.concat([before, bytes.subarray(at, at + size), bytes.subarray(at)])
    case 4:
      return Buffer.concat([before, Buffer.from(String(random(random(2) === 0 ? 300 : 2 ** 32))), bytes.subarray(at)])
    case 5: {
      const from = random(other.length + 1)
      return Buffer.concat([before, other.subarray(from, from + size * 4), bytes.subarray(at)])
    }
    case 6:
      return Buffer.concat([before, other.subarray(random(other.length + 1))])
    default: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random(8))
      return flipped
    }
  }
}
