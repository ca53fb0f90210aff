/** The password of a user in a Secret, whichever resource refers to it. */
import type { Problem } from '../problem.ts'

type Reference = { readonly name: string; readonly key: string }

// What the server takes: 1024 bytes and a line end.
const maxContentBytes = 1026

/** `data` is that of the Secret that is referred to; undefined if there is none. */
export function findPassword(
  { name, key }: Reference,
  data: ReadonlyMap<string, Uint8Array> | undefined,
): { readonly content: Uint8Array } | Pick<Problem, 'reason' | 'message'> {
  if (data === undefined) return { reason: 'SecretNotFound', message: `needs Secret ${name}, which does not exist` }
  const content = data.get(key)
  if (content === undefined) {
    return { reason: 'KeyNotFound', message: `needs key ${key} of Secret ${name}, which the Secret does not have` }
  }
  if (!isPasswordLength(content.length)) {
    return {
      reason: 'InvalidPassword',
      message: `needs a password or its hash in key ${key} of Secret ${name}, with 1 to 1024 bytes`,
    }
  }
  return { content }
}

export function isPasswordLength(bytes: number): boolean {
  return bytes > 0 && bytes <= maxContentBytes
}

/** Keys of Secrets have fewer letters than names of users; `_` stands for nothing else, so no two names meet. */
export function keyPart(user: string): string {
  return user.replaceAll(/[^A-Za-z0-9.-]/g, letter => `_${letter.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
