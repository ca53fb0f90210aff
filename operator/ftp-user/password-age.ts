/** How old a generated password is, by the annotations of its Secret, and when it is to be renewed. Pure. */
import type { FtpUser } from '../api/ftp-user.ts'

/** Annotation: when the password was made, RFC 3339. */
export const madeKey = 'ftp-operator.io/password-made'
/** Annotation: until when the one before it counts. */
export const previousExpiresKey = 'ftp-operator.io/previous-password-expires'

export type PasswordAge = {
  /** Milliseconds since the epoch, as all of these. */
  readonly madeAt: number
  /** When it is to be renewed; undefined if it stays. */
  readonly renewAt: number | undefined
  /** When the one before it is to be taken out; undefined without one. */
  readonly previousEndsAt: number | undefined
  /** What is written was written by a clock that was ahead, or for longer than is wanted now: it is to be written anew. */
  readonly isAhead: boolean
}

export function passwordAge(
  { spec }: Pick<FtpUser, 'spec'>,
  annotations: Readonly<Record<string, string>>,
  now: number,
): PasswordAge {
  const { rotateAfterSeconds, overlapSeconds = 0 } = spec.generatedPassword ?? {}
  const made = Date.parse(annotations[madeKey] ?? '')
  const ends = Date.parse(annotations[previousExpiresKey] ?? '')
  const longest = now + overlapSeconds * 1000
  // Or a renewal would be put off for as long as the clock was ahead, and the one before it would count as long.
  const madeAt = made <= now ? made : now
  return {
    madeAt,
    renewAt: rotateAfterSeconds === undefined ? undefined : madeAt + rotateAfterSeconds * 1000,
    previousEndsAt: Number.isNaN(ends) ? undefined : Math.min(ends, longest),
    isAhead: madeAt !== made || ends > longest,
  }
}
