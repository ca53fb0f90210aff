/** Checksums by the names that HASH has for them (draft-bryan-ftpext-hash, IANA's registry of hash functions). */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const algorithms = ['SHA-256', 'SHA-512', 'SHA-1', 'MD5', 'CRC32'] as const
export type Algorithm = (typeof algorithms)[number]

export interface Digest {
  update(bytes: Uint8Array): void
  /** In hexadecimal digits, small letters. Called once. */
  hex(): string
}

/** The algorithm of a name, whatever its case. */
export function algorithmNamed(name: string): Algorithm | undefined {
  return algorithms.find(algorithm => algorithm === name.toUpperCase())
}

export function createDigest(algorithm: Algorithm): Digest {
  if (algorithm === 'CRC32') return new Crc32()
  const hash = createHash(algorithm.replace('-', '').toLowerCase())
  return { update: bytes => void hash.update(bytes), hex: () => hash.digest('hex') }
}

class Crc32 implements Digest {
  #value = 0

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value)
  }

  hex(): string {
    return this.#value.toString(16).padStart(8, '0')
  }
}
