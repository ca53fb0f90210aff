/** Derivation of keys by `node:crypto`, on the thread pool of the runtime. */
import { argon2, pbkdf2, scrypt } from 'node:crypto'
import type { ParsedHash } from './password-hash.ts'

export type NativeHash = Extract<ParsedHash, { readonly kind: 'argon2' | 'scrypt' | 'pbkdf2' }>

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
