/** Which files uploads write to now, by identity: a file is written by one upload at a time, whatever process that is in. */
export interface UploadClaims {
  /** Takes the file; false if another upload has it. */
  claim(identity: string): boolean | Promise<boolean>
  has(identity: string): boolean | Promise<boolean>
  /** Gives back what `claim` took. */
  release(identity: string): void
}

/** For storages of one process. */
export function createUploadClaims(): UploadClaims {
  const taken = new Set<string>()
  return {
    claim(identity) {
      if (taken.has(identity)) return false
      taken.add(identity)
      return true
    },
    has: identity => taken.has(identity),
    release(identity) {
      taken.delete(identity)
    },
  }
}
