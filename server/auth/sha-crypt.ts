/** The SHA-256 and SHA-512 variants of crypt(3), `$5$` and `$6$`, after Ulrich Drepper's specification. */
import { hash } from 'node:crypto'

/** The last field of the hash as text. Computes for up to seconds: for worker threads. */
export function shaCrypt(digest: 'sha256' | 'sha512', password: string, saltText: string, rounds: number): string {
  const key = Buffer.from(password)
  const salt = Buffer.from(saltText)
  const digestOf = (...parts: readonly Buffer[]) => hash(digest, Buffer.concat(parts), 'buffer')

  const alternate = digestOf(key, salt, key)
  const start = [key, salt, fill(alternate, key.length)]
  for (let bits = key.length; bits > 0; bits >>>= 1) start.push(bits % 2 === 1 ? alternate : key)
  let current = digestOf(...start)

  const keyBytes = fill(digestOf(...repeat(key, key.length)), key.length)
  const saltBytes = fill(digestOf(...repeat(salt, 16 + (current[0] ?? 0))), salt.length)
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1
    const parts = [odd ? keyBytes : current]
    if (round % 3 !== 0) parts.push(saltBytes)
    if (round % 7 !== 0) parts.push(keyBytes)
    parts.push(odd ? current : keyBytes)
    current = digestOf(...parts)
  }
  return digest === 'sha512' ? encodeSha512(current) : encodeSha256(current)
}

function repeat(bytes: Buffer, times: number): readonly Buffer[] {
  return Array.from({ length: times }, () => bytes)
}

/** The bytes over and over until the length is reached, the last time cut. */
function fill(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes)
}

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Some of the digest's bytes, the first one the most significant, as digits of base 64, the least significant first. */
function digits(bytes: Buffer, indexes: readonly number[], count: number): string {
  let value = indexes.reduce((sum, index) => sum * 256 + (bytes[index] ?? 0), 0)
  let text = ''
  for (let digit = 0; digit < count; digit++) {
    text += alphabet[value % 64]
    value = Math.floor(value / 64)
  }
  return text
}

// Each group takes one byte from each third of the digest; from group to group the thirds change places.
function encodeSha512(bytes: Buffer): string {
  let text = ''
  let [a, b, c] = [0, 21, 42]
  for (let group = 0; group < 21; group++) {
    text += digits(bytes, [a, b, c], 4)
    ;[a, b, c] = [b + 1, c + 1, a + 1]
  }
  return text + digits(bytes, [63], 2)
}

function encodeSha256(bytes: Buffer): string {
  let text = ''
  let [a, b, c] = [0, 10, 20]
  for (let group = 0; group < 10; group++) {
    text += digits(bytes, [a, b, c], 4)
    ;[a, b, c] = [c + 1, a + 1, b + 1]
  }
  return text + digits(bytes, [31, 30], 3)
}
