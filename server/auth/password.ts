/** Passwords: whether one matches a credential, within bounds and off the event loop unless that is quicker, and how a new one is hashed. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { after } from '../at-once.ts'
import type { Credential } from '../config/configuration.ts'
import { derive, deriveQuickly, isQuick, type NativeHash, type QuickHash } from './derive.ts'
import { JobQueue } from './job-queue.ts'
import { maxPasswordBytes, type ParsedHash, parsePasswordHash } from './password-hash.ts'
import { PasswordThread } from './password-thread.ts'

/** `overloaded`: nobody knows, because too many checks wait or this one failed or took too long. */
export type Verdict = 'match' | 'mismatch' | 'overloaded'

/** Of a check that nothing can pass. */
export type DummyVerdict = Exclude<Verdict, 'match'>

export interface PasswordVerifier {
  /** At once where that is quicker than a thread. Never rejects. A certificate credential matches no password. */
  verify(credential: Credential, password: string): Verdict | Promise<Verdict>
  /** Costs what `verify` with a hash like that costs (RFC 2577 section 6: unknown users must not be told from known ones). */
  verifyDummy(password: string, like?: Credential): DummyVerdict | Promise<DummyVerdict>
  /** Ends the threads; whatever still waits gets `overloaded`. */
  close(): Promise<void>
}

export type PasswordVerifierOptions = {
  /** Checks at once. Each may need 256 MiB and one of the four threads which file operations need as well. */
  readonly concurrency?: number
  readonly maxWaiting?: number
  /** For one check, waiting included. */
  readonly deadlineMilliseconds?: number
  /** How long a thread stays after a check without another one. */
  readonly restMilliseconds?: number
  /** The module of the worker thread. By default it lies beside this one: `password-worker.ts` in the sources, `password-worker.mjs` beside the bundle. */
  readonly workerUrl?: URL
  /** Told of checks that failed for another reason than the password. */
  readonly onFault?: (error: unknown) => void
}

export function createPasswordVerifier(options: PasswordVerifierOptions = {}): PasswordVerifier {
  const {
    concurrency = 2,
    maxWaiting = 256,
    deadlineMilliseconds = 30_000,
    restMilliseconds = 60_000,
    onFault,
  } = options
  const workerUrl = options.workerUrl ?? new URL(workerFile(import.meta.url), import.meta.url)
  const threads = Array.from({ length: concurrency }, () => new PasswordThread(workerUrl, restMilliseconds))
  const queue = new JobQueue(threads, { maxWaiting, deadlineMilliseconds })

  function check(hash: ParsedHash | undefined, password: string): Verdict | Promise<Verdict> {
    if (hash === undefined || isTooLong(password)) return 'mismatch'
    return isQuick(hash) ? checkQuickly(hash, password) : checkInThread(hash, password)
  }

  function checkQuickly(hash: QuickHash, password: string): Verdict {
    try {
      return timingSafeEqual(deriveQuickly(hash, password), hash.hash) ? 'match' : 'mismatch'
    } catch (error) {
      onFault?.(error)
      return 'overloaded'
    }
  }

  async function checkInThread(hash: ParsedHash, password: string): Promise<Verdict> {
    try {
      const matches = await queue.run((thread, signal) => matchesHash(hash, password, thread, signal))
      if (matches === 'overloaded') return 'overloaded'
      return matches ? 'match' : 'mismatch'
    } catch (error) {
      onFault?.(error)
      return 'overloaded'
    }
  }

  return {
    verify(credential, password) {
      if (credential.kind === 'any-password') return 'match'
      if (credential.kind === 'password') {
        return !isTooLong(password) && samePassword(password, credential.password) ? 'match' : 'mismatch'
      }
      return check(credential.kind === 'password-hash' ? parsePasswordHash(credential.hash) : undefined, password)
    },
    verifyDummy(password, like) {
      const hash = like?.kind === 'password-hash' ? parsePasswordHash(like.hash) : undefined
      return after(check(hash ?? parametersOf('argon2id', Buffer.alloc(16)), password), verdict =>
        verdict === 'overloaded' ? 'overloaded' : 'mismatch',
      )
    },
    async close() {
      queue.close()
      await Promise.all(threads.map(thread => thread.close()))
    },
  }
}

export const hashAlgorithms = ['argon2id', 'scrypt'] as const
export type HashAlgorithm = (typeof hashAlgorithms)[number]

/** The password's hash with a new salt, as a PHC string. */
export async function hashPassword(password: string, algorithm: HashAlgorithm = 'argon2id'): Promise<string> {
  const parameters = parametersOf(algorithm, randomBytes(16))
  const cost =
    parameters.kind === 'argon2'
      ? `v=19$m=${parameters.memoryKibibytes},t=${parameters.passes},p=${parameters.parallelism}`
      : `ln=${parameters.logCost},r=${parameters.blockSize},p=${parameters.parallelism}`
  const hash = await derive(parameters, password)
  return `$${algorithm}$${cost}$${base64(parameters.salt)}$${base64(hash)}`
}

// The parameters OWASP's Password Storage Cheat Sheet recommends first.
function parametersOf(algorithm: HashAlgorithm, salt: Buffer): Extract<NativeHash, { kind: 'argon2' | 'scrypt' }> {
  const hash = Buffer.alloc(32)
  return algorithm === 'argon2id'
    ? { kind: 'argon2', variant: 'argon2id', memoryKibibytes: 19_456, passes: 2, parallelism: 1, salt, hash }
    : { kind: 'scrypt', logCost: 17, blockSize: 8, parallelism: 1, salt, hash }
}

// The bundle is one `.mjs` file and the worker another one in the same directory.
function workerFile(moduleUrl: string): string {
  return moduleUrl.endsWith('.ts') ? './password-worker.ts' : './password-worker.mjs'
}

async function matchesHash(hash: ParsedHash, password: string, thread: PasswordThread, signal: AbortSignal) {
  if (hash.kind === 'bcrypt' || hash.kind === 'sha-crypt') return thread.check(hash, password, signal)
  return timingSafeEqual(await derive(hash, password), hash.hash)
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > maxPasswordBytes
}

// Digests have one length, so that the comparison tells nothing about that of the password.
function samePassword(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
