/** Derivation of keys by `node:crypto`, on the thread pool of the runtime. */
import { argon2, pbkdf2, pbkdf2Sync, scrypt } from 'node:crypto'
import type { ParsedHash } from './password-hash.ts'

export type NativeHash = Extract<ParsedHash, { readonly kind: 'argon2' | 'scrypt' | 'pbkdf2' }>

/** A hash of so few iterations that a thread would cost more than to compute it, which takes less than 0.1 ms. */
export type QuickHash = Extract<ParsedHash, { readonly kind: 'pbkdf2' }>

const mostQuickIterations = 32

/** Only the parameters decide, so that users whose hashes cost the same are told the result after the same time. */
export function isQuick(hash: ParsedHash): hash is QuickHash {
  // RFC 8018 section 5.2: each block of the output takes all iterations anew.
  return (
    hash.kind === 'pbkdf2' &&
    hash.iterations * Math.ceil(hash.hash.length / digestBytes[hash.digest]) <= mostQuickIterations
  )
}

const digestBytes = { sha256: 32, sha512: 64 } as const

/** The same as `derive`, at once. */
export function deriveQuickly({ salt, iterations, hash, digest }: QuickHash, password: string): Buffer {
  return pbkdf2Sync(Buffer.from(password), salt, iterations, hash.length, digest)
}

/** What the hash would be if the password were right. Rejects if there is not enough memory. */
export function derive(hash: NativeHash, password: string): Promise<Buffer> {
  const message = Buffer.from(password)
  const length = hash.hash.length
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const done = (error: Error | null, key: Buffer) => (error === null ? resolve(key) : reject(error))
  if (hash.kind === 'argon2') {
    const { salt: nonce, parallelism, memoryKibibytes: memory, passes } = hash
    argon2(hash.variant, { message, nonce, parallelism, memory, passes, tagLength: length }, done)
  } else if (hash.kind === 'scrypt') {
    const { logCost, blockSize: r, parallelism: p } = hash
    // RFC 7914 section 2: 128 * r * N bytes for the work, 128 * r * p for the blocks, and some of its own in OpenSSL.
    const maxmem = 128 * r * (2 ** logCost + p + 8)
    scrypt(message, hash.salt, length, { N: 2 ** logCost, r, p, maxmem }, done)
  } else {
    pbkdf2(message, hash.salt, hash.iterations, length, hash.digest, done)
  }
  return promise
}
