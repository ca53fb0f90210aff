/** The worker thread that checks passwords against hashes which no native code computes: bcrypt and SHA-crypt. */
import { timingSafeEqual } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { hashSync } from 'bcryptjs'
import type { ParsedHash } from './password-hash.ts'
import { shaCrypt } from './sha-crypt.ts'

export type ThreadHash = Extract<ParsedHash, { readonly kind: 'bcrypt' | 'sha-crypt' }>
export type ThreadRequest = { readonly hash: ThreadHash; readonly password: string }

parentPort?.on('message', ({ hash, password }: ThreadRequest) => {
  const computed = Buffer.from(compute(hash, password))
  const expected = Buffer.from(hash.hash)
  parentPort?.postMessage(computed.length === expected.length && timingSafeEqual(computed, expected))
})

function compute(hash: ThreadHash, password: string): string {
  if (hash.kind === 'sha-crypt') return shaCrypt(hash.digest, password, hash.salt, hash.rounds)
  // bcrypt reads the first 72 bytes of a password and no more. To refuse longer ones would lock out users whose hash other
  // tools made; `hash-password` makes no bcrypt hashes.
  return hashSync(password, hash.setting).slice(-31)
}
